/* The CSV files as bytes of the program, so that one file is a whole doctor. */
    .section .rodata
    .macro data name, file
    .global doctor_data_\name, doctor_data_\name\()_end
    .hidden doctor_data_\name, doctor_data_\name\()_end
doctor_data_\name:
    .incbin "\file"
doctor_data_\name\()_end:
    .byte 0
    .endm
    data torch, "torch.csv"
    data gpus, "gpu_arch.csv"
    data drivers, "driver_gpu.csv"
    data cuda_drivers, "cuda_driver.csv"
    data cuda_archs, "cuda_arch.csv"
    data cudnn, "cudnn.csv"
    data date, "date.txt"
    .global doctor_probe_program, doctor_probe_program_end
    .hidden doctor_probe_program, doctor_probe_program_end
doctor_probe_program:
    .incbin "doctor-probe"
doctor_probe_program_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
