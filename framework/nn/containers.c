/* Containers: modules that hold others. */
#include "framework/nn/module.h"
#include <stdio.h>

static cairn_tensor *sequential_forward(cairn_module *self, cairn_tensor *x)
{
    for (int i = 0; i < self->count; i++)
        x = cairn_call(self->entries[i].child, x);
    return x;
}

static cairn_module *add_numbered(cairn_module *m, cairn_module *child)
{
    char name[16];
    snprintf(name, sizeof name, "%d", cairn_child_count(m));
    return cairn_module_add(m, name, child);
}

/* The children under "0", "1" ...; on failure they are all freed. */
static cairn_module *container(const char *kind, cairn_forward forward, int count, cairn_module *const *children)
{
    cairn_module *m = cairn_module_new(kind, forward, 0);
    for (int i = 0; i < count; i++)
        if (m && !m->failed)
            add_numbered(m, children[i]);
        else
            cairn_module_free(children[i]);
    return module_whole(m);
}

/* A NULL at the end closes the list, unless it is a child that could not be made. */
cairn_module *cairn_sequential_of(int count, cairn_module *const *modules)
{
    if (count && !modules[count - 1] && !cairn_error())
        count--;
    return container("Sequential", sequential_forward, count, modules);
}

cairn_module *cairn_module_list(int count, cairn_module *const *modules)
{
    return container("ModuleList", NULL, count, modules);
}

cairn_module *cairn_module_dict(void) { return cairn_module_new("ModuleDict", NULL, 0); }

cairn_module *cairn_module_append(cairn_module *m, cairn_module *child)
{
    if (m)
        return add_numbered(m, child);
    return cairn_module_add(NULL, "", child);
}

static cairn_tensor *identity_forward(cairn_module *self, cairn_tensor *x)
{
    (void)self;
    return x;
}
cairn_module *cairn_identity(void) { return cairn_module_new("Identity", identity_forward, 0); }
