/* Writing through a view: the base with the view's part replaced. */
#ifndef FRAMEWORK_GRAPH_VIEWS_H
#define FRAMEWORK_GRAPH_VIEWS_H
#include "framework/graph/graph.h"

/* The value of `base` after `part` was written through the VIEW operation `recipe`; NULL with the error set. */
value *view_write(const value *recipe, value *base, value *part);

#endif
