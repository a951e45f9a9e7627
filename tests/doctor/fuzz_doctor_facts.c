/* Facts documents: reading, judging, planning and writing any text. */
#include <cairn/doctor.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static cairn_doctor_data *data;
    if (!data)
        data = cairn_doctor_data_load(NULL);
    cairn_facts *facts = cairn_facts_read((const char *)bytes, size, "fuzz");
    if (facts) {
        const char *gpus[] = {"RTX 4090"};
        cairn_plan_request request = {.gpus = gpus, .gpu_count = (int)(size % 2), .torch = "2.7"};
        cairn_verdict *verdict = cairn_doctor_judge(facts, data, CAIRN_CHINESE);
        cairn_verdict *plan = cairn_doctor_plan(&request, facts, data, CAIRN_ENGLISH);
        free(verdict ? cairn_verdict_write(verdict) : NULL);
        free(plan ? cairn_verdict_write(plan) : NULL);
        free(cairn_facts_write(facts));
        cairn_verdict_free(verdict);
        cairn_verdict_free(plan);
    }
    cairn_facts_free(facts);
    cairn_error_clear();
    return 0;
}
