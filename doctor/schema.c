/* Every key of the facts document, in the order in which it is written. */
#include "doctor/schema.h"

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define SCHEMA(name, type) static const schema name = {sizeof(type), COUNT(name##_fields), name##_fields}
#define F(type, key, kind) {#key, FIELD_##kind, offsetof(type, key), NULL}
#define S(type, key, kind, of) {#key, FIELD_##kind, offsetof(type, key), &of}

static const field gpu_fields[] = {
    F(cairn_gpu, pci, TEXT),
    F(cairn_gpu, slot, TEXT),
    {"class", FIELD_TEXT, offsetof(cairn_gpu, pci_class), NULL},
    F(cairn_gpu, name, TEXT),
    F(cairn_gpu, cc, TEXT),
    F(cairn_gpu, driver, TEXT),
};
SCHEMA(gpu, cairn_gpu);

static const field module_fields[] = {F(cairn_module, version, TEXT), F(cairn_module, flavour, TEXT)};
SCHEMA(module, cairn_module);

static const field compat_fields[] = {F(cairn_forward_compat, drivers, TEXTS)};
SCHEMA(compat, cairn_forward_compat);

static const field libcuda_fields[] = {
    F(cairn_libcuda, path, TEXT),
    F(cairn_libcuda, version, TEXT),
    F(cairn_libcuda, cuda, TEXT),
    F(cairn_libcuda, init, NUMBER),
    F(cairn_libcuda, init_unhidden, NUMBER),
    F(cairn_libcuda, died, TEXT),
    F(cairn_libcuda, proof, TEXT),
    F(cairn_libcuda, others, TEXTS),
    S(cairn_libcuda, forward_compat, OBJECT, compat),
};
SCHEMA(libcuda, cairn_libcuda);

static const field nvml_fields[] = {
    F(cairn_nvml, version, TEXT), F(cairn_nvml, init, NUMBER), F(cairn_nvml, died, TEXT)};
SCHEMA(nvml, cairn_nvml);

static const field node_fields[] = {
    F(cairn_node, present, ANSWER), F(cairn_node, readable, ANSWER), F(cairn_node, writable, ANSWER),
    F(cairn_node, mode, TEXT),      F(cairn_node, group, TEXT),
};
SCHEMA(node, cairn_node);

static const field container_fields[] = {F(cairn_container, kind, TEXT), F(cairn_container, cgroup, TEXT)};
SCHEMA(container, cairn_container);

static const field torch_fields[] = {F(cairn_torch, version, TEXT), F(cairn_torch, cuda, TEXT),
                                     F(cairn_torch, archs, TEXTS), F(cairn_torch, cudnn, TEXT)};
SCHEMA(torch, cairn_torch);

static const field python_fields[] = {
    F(cairn_python, version, TEXT),
    F(cairn_python, prefix, TEXT),
    F(cairn_python, packages, PAIRS),
    S(cairn_python, torch, OBJECT, torch),
};
SCHEMA(python, cairn_python);

static const field library_fields[] = {
    F(cairn_library, soname, TEXT), F(cairn_library, path, TEXT), F(cairn_library, version, TEXT),
    F(cairn_library, from, TEXT),
};
SCHEMA(library, cairn_library);

static const field toolkit_fields[] = {
    F(cairn_toolkit, version, TEXT), F(cairn_toolkit, path, TEXT), F(cairn_toolkit, nvcc_on_path, ANSWER)};
SCHEMA(toolkit, cairn_toolkit);

static const field compiler_fields[] = {F(cairn_compiler, name, TEXT), F(cairn_compiler, version, TEXT)};
SCHEMA(compiler, cairn_compiler);

static const field want_fields[] = {F(cairn_want, torch, TEXT), F(cairn_want, cuda, TEXT),
                                    F(cairn_want, python, TEXT), F(cairn_want, build, ANSWER)};
SCHEMA(want, cairn_want);

static const field facts_fields[] = {
    F(cairn_facts, platform, TEXT),
    F(cairn_facts, machine, TEXT),
    F(cairn_facts, kernel, TEXT),
    F(cairn_facts, distribution, TEXT),
    F(cairn_facts, board, TEXT),
    S(cairn_facts, gpus, OBJECTS, gpu),
    F(cairn_facts, nvswitch, NUMBER),
    S(cairn_facts, module, OBJECT, module),
    F(cairn_facts, module_files, TEXTS),
    F(cairn_facts, dkms, TEXTS),
    F(cairn_facts, other_modules, TEXTS),
    F(cairn_facts, secure_boot, ANSWER),
    S(cairn_facts, libcuda, OBJECT, libcuda),
    S(cairn_facts, nvml, OBJECT, nvml),
    S(cairn_facts, nodes, NODES, node),
    F(cairn_facts, driver, TEXT),
    S(cairn_facts, container, OBJECT, container),
    F(cairn_facts, fabric_manager, TEXT),
    F(cairn_facts, environment, PAIRS),
    S(cairn_facts, pythons, OBJECTS, python),
    S(cairn_facts, libraries, OBJECTS, library),
    S(cairn_facts, toolkits, OBJECTS, toolkit),
    S(cairn_facts, compilers, OBJECTS, compiler),
    F(cairn_facts, packages, PAIRS),
    F(cairn_facts, messages, TEXTS),
    S(cairn_facts, want, OBJECT, want),
};
const schema facts_schema = {sizeof(cairn_facts), COUNT(facts_fields), facts_fields};
