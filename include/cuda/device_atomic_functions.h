/* A name that programs include; all is in one header. */
#include "cuda_runtime.h"
