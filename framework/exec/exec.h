/* Evaluation: schedule, plan, run. */
#ifndef FRAMEWORK_EXEC_H
#define FRAMEWORK_EXEC_H
#include "framework/graph/graph.h"

typedef struct plan_cache plan_cache;
void plan_cache_free(plan_cache *c);

#endif
