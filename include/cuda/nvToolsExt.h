/* NVTX: marks for NVIDIA's profilers. Here they do nothing; every call says that it was not recorded. */
#ifndef CAIRN_NV_TOOLS_EXT_H
#define CAIRN_NV_TOOLS_EXT_H
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define NVTX_VERSION 3
#define NVTX_NO_PUSH_POP_TRACKING ((int)-2)
#define NVTX_EVENT_ATTRIB_STRUCT_SIZE ((uint16_t)sizeof(nvtxEventAttributes_t))

typedef uint64_t nvtxRangeId_t;
typedef struct nvtxDomainRegistration_st *nvtxDomainHandle_t;
typedef struct nvtxStringRegistration_st *nvtxStringHandle_t;
typedef enum nvtxColorType_t { NVTX_COLOR_UNKNOWN = 0, NVTX_COLOR_ARGB = 1 } nvtxColorType_t;
typedef enum nvtxMessageType_t {
    NVTX_MESSAGE_UNKNOWN = 0, NVTX_MESSAGE_TYPE_ASCII = 1, NVTX_MESSAGE_TYPE_UNICODE = 2, NVTX_MESSAGE_TYPE_REGISTERED = 3
} nvtxMessageType_t;
typedef enum nvtxPayloadType_t {
    NVTX_PAYLOAD_UNKNOWN = 0, NVTX_PAYLOAD_TYPE_UNSIGNED_INT64 = 1, NVTX_PAYLOAD_TYPE_INT64 = 2, NVTX_PAYLOAD_TYPE_DOUBLE = 3,
    NVTX_PAYLOAD_TYPE_UNSIGNED_INT32 = 4, NVTX_PAYLOAD_TYPE_INT32 = 5, NVTX_PAYLOAD_TYPE_FLOAT = 6
} nvtxPayloadType_t;
typedef union nvtxMessageValue_t { const char *ascii; const wchar_t *unicode; nvtxStringHandle_t registered; } nvtxMessageValue_t;
typedef struct nvtxEventAttributes_v2 {
    uint16_t version, size;
    uint32_t category;
    int32_t colorType;
    uint32_t color;
    int32_t payloadType, reserved0;
    union { uint64_t ullValue; int64_t llValue; double dValue; uint32_t uiValue; int32_t iValue; float fValue; } payload;
    int32_t messageType;
    nvtxMessageValue_t message;
} nvtxEventAttributes_t;

#define CAIRN_NVTX(result, name, arguments, value) \
    static __inline__ result name arguments { return value; }
CAIRN_NVTX(void, nvtxMarkA, (const char *text), (void)text) CAIRN_NVTX(void, nvtxMarkEx, (const nvtxEventAttributes_t *e), (void)e)
CAIRN_NVTX(int, nvtxRangePushA, (const char *text), ((void)text, NVTX_NO_PUSH_POP_TRACKING))
CAIRN_NVTX(int, nvtxRangePushEx, (const nvtxEventAttributes_t *e), ((void)e, NVTX_NO_PUSH_POP_TRACKING))
CAIRN_NVTX(int, nvtxRangePop, (void), NVTX_NO_PUSH_POP_TRACKING)
CAIRN_NVTX(nvtxRangeId_t, nvtxRangeStartA, (const char *text), ((void)text, 0))
CAIRN_NVTX(nvtxRangeId_t, nvtxRangeStartEx, (const nvtxEventAttributes_t *e), ((void)e, 0))
CAIRN_NVTX(void, nvtxRangeEnd, (nvtxRangeId_t id), (void)id)
CAIRN_NVTX(void, nvtxNameOsThreadA, (uint32_t id, const char *name), ((void)id, (void)name))
CAIRN_NVTX(void, nvtxNameCategoryA, (uint32_t id, const char *name), ((void)id, (void)name))
CAIRN_NVTX(nvtxDomainHandle_t, nvtxDomainCreateA, (const char *name), ((void)name, (nvtxDomainHandle_t)0))
CAIRN_NVTX(void, nvtxDomainDestroy, (nvtxDomainHandle_t d), (void)d)
CAIRN_NVTX(int, nvtxDomainRangePushEx, (nvtxDomainHandle_t d, const nvtxEventAttributes_t *e), ((void)d, (void)e, NVTX_NO_PUSH_POP_TRACKING))
CAIRN_NVTX(int, nvtxDomainRangePop, (nvtxDomainHandle_t d), ((void)d, NVTX_NO_PUSH_POP_TRACKING))
#undef CAIRN_NVTX
#define nvtxMark nvtxMarkA
#define nvtxRangePush nvtxRangePushA
#define nvtxRangeStart nvtxRangeStartA
#define nvtxNameOsThread nvtxNameOsThreadA
#define nvtxDomainCreate nvtxDomainCreateA
#endif
