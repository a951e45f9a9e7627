/* A user's program on libcairn-doctor, as the install test builds it. */
#include <cairn/doctor.h>

#include <stdio.h>

int main(void)
{
    cairn_doctor_data *data = cairn_doctor_data_load(NULL);
    if (!data)
        return 1;
    printf("data of %s\n", cairn_doctor_data_date(data));
    cairn_doctor_data_free(data);
    return 0;
}
