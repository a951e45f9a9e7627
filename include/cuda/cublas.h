/* The name of older programs. */
#include "cublas_v2.h"
