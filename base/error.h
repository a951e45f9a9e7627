/* Setting errors: the inside of cairn_error(). */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
#include <cairn/base.h>

/* Records the thread's error unless one is already recorded; returns `status` either way, so that
 * `return error_set(CAIRN_E_SHAPE, "matmul: inner sizes differ: %s @ %s", ...)` reads well. */
cairn_status error_set(cairn_status status, const char *format, ...) CAIRN_PRINTF(2, 3);

#endif
