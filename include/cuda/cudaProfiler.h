/* cuProfilerStart and cuProfilerStop. */
#include "cuda.h"
