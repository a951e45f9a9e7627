/* Failure messages: every known one alone, within long logs, wrapped, and none where none is. */
#include "doctor_test.h"

static cairn_doctor_data *data;

static cairn_verdict *explain(const char *log)
{
    cairn_verdict *v = cairn_doctor_explain(log, strlen(log), data, CAIRN_ENGLISH);
    assert_non_null(v);
    return v;
}

/* The messages as programs print them, and the code of each. */
static const struct {
    const char *message, *code;
} known_messages[] = {
    {"RuntimeError: CUDA error: no kernel image is available for execution on the device", "NO_KERNELS"},
    {"Found GPU0 Tesla K40c which is of cuda capability 3.5.", "NO_KERNELS"},
    {"PyTorch no longer supports this GPU because it is too old.", "NO_KERNELS"},
    {"NVIDIA GeForce RTX 5070 with CUDA capability sm_120 is not compatible with the current PyTorch "
     "installation.",
     "NO_KERNELS"},
    {"CUDA driver version is insufficient for CUDA runtime version", "DRIVER_TOO_OLD"},
    {"RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", "DRIVER_TOO_OLD"},
    {"RuntimeError: Found no NVIDIA driver on your system. Please check", "NO_DRIVER"},
    {"RuntimeError: No CUDA GPUs are available", "GPU_HIDDEN_BY_ENV"},
    {"CUDA error: no CUDA-capable device is detected", "GPU_HIDDEN_BY_ENV"},
    {"AssertionError: Torch not compiled with CUDA enabled", "CPU_ONLY_WHEEL"},
    {"CUDA unknown error - this may be due to an incorrectly set up environment, e.g. changing env",
     "UVM_STALE"},
    {"Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized", "FABRIC_MANAGER"},
    {"Unexpected error from cudaGetDeviceCount(). Error 803: system has unsupported display driver / cuda "
     "driver combination",
     "DRIVER_LIB_MISMATCH"},
    {"Error 804: forward compatibility was attempted on non supported HW",
     "FORWARD_COMPAT_ON_UNSUPPORTED_HW"},
    {"Failed to initialize NVML: Driver/library version mismatch", "DRIVER_LIB_MISMATCH"},
    {"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure",
     "MODULE_NOT_LOADED"},
    {"modprobe: ERROR: could not insert 'nvidia': Key was rejected by service",
     "SECURE_BOOT_UNSIGNED_MODULE"},
    {"Failed to initialize NVML: Unknown Error", "CONTAINER_CGROUP_LOST_DEVICES"},
    {"NVRM: This GPU requires use of the NVIDIA open kernel modules.", "CLOSED_MODULE_ON_BLACKWELL"},
    {"NVRM: installed in this system is not supported by open\nNVRM: nvidia.ko because it does not include "
     "the required GPU",
     "OPEN_MODULE_NEEDS_TURING"},
    {"NVRM: API mismatch: the client has the version 550.107.02, but\nNVRM: this kernel module has the "
     "version 550.90.07.  Please",
     "DRIVER_LIB_MISMATCH"},
    {"NVRM: installed in this system is not supported by the\nNVRM: NVIDIA 565.77 driver release.",
     "DRIVER_PREDATES_GPU"},
    {"NVRM: No NVIDIA GPU found.", "DRIVER_PREDATES_GPU"},
    {"libcusparse.so.12: undefined symbol: __nvJitLinkComplete_12_4, version libnvJitLink.so.12",
     "LIBRARY_SHADOWED"},
    {"undefined symbol: __nvJitLinkAddData_12_1", "LIBRARY_SHADOWED"},
    {"RuntimeError: cuDNN version incompatibility: PyTorch was compiled  against (9, 1, 0) but found",
     "LIBRARY_SHADOWED"},
    {"cuDNN error: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH", "CUDNN_MIXED"},
    {"RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", "CUDNN_NOT_INITIALIZED"},
    {"Could not load library libcudnn_ops_infer.so.8. Error: libcudnn_ops_infer.so.8: cannot open shared "
     "object file",
     "LIB_MISSING"},
    {"libcudnn.so.8: cannot open shared object file: No such file or directory", "LIB_MISSING"},
    {"Unable to load any of {libcudnn_ops.so.9.1.0, libcudnn_ops.so.9.1, libcudnn_ops.so.9, libcudnn_ops.so}",
     "LIB_MISSING"},
    {"ImportError: libcublas.so.11: cannot open shared object file: No such file or directory",
     "LIB_MISSING"},
    {"RuntimeError: CUDA error: the provided PTX was compiled with an unsupported toolchain.", "PTX_TOO_NEW"},
    {"The detected CUDA version (12.1) mismatches the version that was used to compile\nPyTorch (11.8).",
     "CUDA_MAJOR_MISMATCH"},
    {"#error -- unsupported GNU version! gcc versions later than 12 are not supported!", "GCC_TOO_NEW"},
    {"OSError: CUDA_HOME environment variable is not set. Please set it", "NO_TOOLKIT"},
    {"docker: Error response from daemon: could not select device driver \"\" with capabilities: [[gpu]].",
     "CONTAINER_NO_GPU"},
    {"nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update",
     "CONTAINER_REQUIREMENT"},
    {"NVRM: The NVIDIA GeForce GT 710 GPU is supported through the NVIDIA 470.xx Legacy drivers.",
     "GPU_DROPPED_BY_DRIVER"},
};
enum { KNOWN = sizeof known_messages / sizeof *known_messages };

static void every_known_message_is_recognised(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        cairn_verdict *v = explain(known_messages[i].message);
        const cairn_finding *f = finding_of(v, known_messages[i].code);
        if (!f)
            fail_msg("'%s': no %s, but %s", known_messages[i].message, known_messages[i].code,
                     v->findings.count ? v->findings.items[0].code : "nothing");
        if (!f->fix.count || !*f->why || strchr(f->why, '?') || f->severity != CAIRN_FAIL)
            fail_msg("'%s': '%s', %d fixes", known_messages[i].message, f->why, f->fix.count);
        cairn_verdict_free(v);
    }
}

static void messages_are_found_within_long_logs(void **state)
{
    (void)state;
    enum { LINES = 4000 };
    char *log = calloc(LINES, 100);
    for (int i = 0; i < KNOWN; i++) {
        size_t at = 0;
        for (int k = 0; k < LINES; k++)
            at += (size_t)sprintf(log + at, "%s",
                                  k == LINES / 2 ? known_messages[i].message
                                                 : "  File \"train.py\", line 17, in <module> error:");
        cairn_verdict *v = explain(log);
        assert_non_null(finding_of(v, known_messages[i].code));
        cairn_verdict_free(v);
    }
    free(log);
}

static void wrapped_lines_and_kernel_prefixes_do_not_matter(void **state)
{
    (void)state;
    cairn_verdict *v =
        explain("[    5.1] NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85)\n"
                "[    5.1] NVRM: installed in this system is not\n[    5.1] NVRM: supported by the\n"
                "[    5.1] NVRM: NVIDIA 565.77 driver release.\n");
    const cairn_finding *f = finding_of(v, "DRIVER_PREDATES_GPU");
    assert_non_null(f);
    assert_non_null(strstr(f->why, "565.77"));
    assert_non_null(strstr(f->why, "RTX 5090"));
    cairn_verdict_free(v);
}

static void a_log_that_names_gpu_and_driver_is_judged_by_the_rules(void **state)
{
    (void)state;
    cairn_verdict *v = explain("NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:1b06)\nNVRM: installed in "
                               "this system is not supported by the\n"
                               "NVRM: NVIDIA 590.48.01 driver release.\n");
    assert_non_null(finding_of(v, "GPU_DROPPED_BY_DRIVER"));
    assert_null(finding_of(v, "DRIVER_PREDATES_GPU"));
    cairn_verdict_free(v);
    v = explain("NVIDIA GeForce GTX 1080 Ti with CUDA capability sm_61 is not compatible with the current "
                "PyTorch installation.");
    assert_true(any_has(&finding_of(v, "NO_KERNELS")->fix, "whl/cu126"));
    cairn_verdict_free(v);
}

static void other_text_says_nothing(void **state)
{
    (void)state;
    static const char *const logs[] = {
        "",     "\n",           "no kernel image",         "Segmentation fault (core dumped)",
        "CUDA", "\xff\xfe\x01", "is not supported by the", "cannot open shared object file"};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        cairn_verdict *v = explain(logs[i]);
        assert_int_equal(v->findings.count, 0);
        cairn_verdict_free(v);
    }
}

static void chinese_has_every_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        cairn_verdict *v = cairn_doctor_explain(known_messages[i].message, strlen(known_messages[i].message),
                                                data, CAIRN_CHINESE);
        const cairn_finding *f = finding_of(v, known_messages[i].code);
        assert_non_null(f);
        bool chinese = false;
        for (const char *p = f->why; *p; p++)
            chinese |= (unsigned char)*p >= 0xE4;
        if (!chinese)
            fail_msg("%s: %s", f->code, f->why);
        cairn_verdict_free(v);
    }
}

static int load(void **state)
{
    (void)state;
    data = cairn_doctor_data_load(NULL);
    return data ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    cairn_doctor_data_free(data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_message_is_recognised),
        cmocka_unit_test(messages_are_found_within_long_logs),
        cmocka_unit_test(wrapped_lines_and_kernel_prefixes_do_not_matter),
        cmocka_unit_test(a_log_that_names_gpu_and_driver_is_judged_by_the_rules),
        cmocka_unit_test(other_text_says_nothing),
        cmocka_unit_test(chinese_has_every_sentence),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
