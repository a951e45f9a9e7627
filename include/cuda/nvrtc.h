/* NVRTC's name for cairn_nvrtc.h. */
#include "cairn_nvrtc.h"
