#define _GNU_SOURCE
#include "runtime/exec/object.h"
#include "base/memory.h"
#include "runtime/exec/library.h"
#include <elf.h>
#include <string.h>
#include <sys/mman.h>

typedef struct loader {
    const uint8_t *object;
    size_t bytes;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
    uint64_t *places;       /* of the sections in memory */
    uint8_t *memory;
    size_t total, stubs, stub_end; /* stubs and table entries for what lies elsewhere */
} loader;

enum { STUB_BYTES = 16, MAX_SECTIONS = 1000 };

static cairn_status damaged(const char *what) { return error_set(CAIRN_E_FORMAT, "object code: %s", what); }

static bool inside(const loader *l, uint64_t at, uint64_t bytes) { return at <= l->bytes && bytes <= l->bytes - at; }

static cairn_status check_header(loader *l)
{
    l->header = (const Elf64_Ehdr *)l->object;
    if (l->bytes < sizeof *l->header || memcmp(l->header->e_ident, ELFMAG, SELFMAG) || l->header->e_type != ET_REL)
        return damaged("not a relocatable ELF file");
    if (l->header->e_machine != EM_X86_64)
        return error_set(CAIRN_E_UNSUPPORTED, "object code: only x86-64 can be loaded yet");
    if (l->header->e_shnum > MAX_SECTIONS || !inside(l, l->header->e_shoff, l->header->e_shnum * sizeof(Elf64_Shdr)))
        return damaged("the section table lies outside the file");
    l->sections = (const Elf64_Shdr *)(l->object + l->header->e_shoff);
    for (int i = 0; i < l->header->e_shnum; i++)
        if (l->sections[i].sh_type != SHT_NOBITS && !inside(l, l->sections[i].sh_offset, l->sections[i].sh_size))
            return damaged("a section lies outside the file");
    return CAIRN_OK;
}

static bool is_loaded(const Elf64_Shdr *s)
{
    return (s->sh_flags & SHF_ALLOC) && s->sh_size && s->sh_type != SHT_X86_64_UNWIND;
}

static size_t count_relocations(const loader *l)
{
    size_t count = 0;
    for (int i = 0; i < l->header->e_shnum; i++)
        if (l->sections[i].sh_type == SHT_RELA)
            count += l->sections[i].sh_size / sizeof(Elf64_Rela);
    return count;
}

static cairn_status map_sections(loader *l)
{
    l->places = mem_array(l->header->e_shnum + 1u, sizeof *l->places);
    if (!l->places)
        return CAIRN_E_MEMORY;
    size_t at = 0;
    for (int i = 0; i < l->header->e_shnum; i++) {
        const Elf64_Shdr *s = &l->sections[i];
        if (!is_loaded(s))
            continue;
        size_t align = s->sh_addralign ? s->sh_addralign : 1;
        if (align > 4096 || s->sh_size > 1u << 30)
            return damaged("a section is too large");
        at = (at + align - 1) / align * align;
        l->places[i] = at;
        at += s->sh_size;
    }
    l->stubs = l->stub_end = (at + STUB_BYTES - 1) / STUB_BYTES * STUB_BYTES;
    l->total = l->stubs + count_relocations(l) * STUB_BYTES;
    l->total = (l->total + 4096) / 4096 * 4096;
    l->memory = mmap(NULL, l->total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (l->memory == MAP_FAILED) {
        l->memory = NULL;
        return error_set(CAIRN_E_MEMORY, "object code: no memory for %zu bytes", l->total);
    }
    for (int i = 0; i < l->header->e_shnum; i++) {
        l->places[i] += (uint64_t)l->memory;
        if (is_loaded(&l->sections[i]) && l->sections[i].sh_type != SHT_NOBITS)
            memcpy((void *)l->places[i], l->object + l->sections[i].sh_offset, l->sections[i].sh_size);
    }
    return CAIRN_OK;
}

static const Elf64_Shdr *section_of_type(const loader *l, uint32_t type)
{
    for (int i = 0; i < l->header->e_shnum; i++)
        if (l->sections[i].sh_type == type)
            return &l->sections[i];
    return NULL;
}

static const char *symbol_name(const loader *l, const Elf64_Shdr *table, const Elf64_Sym *symbol)
{
    if (table->sh_link >= l->header->e_shnum)
        return "";
    const Elf64_Shdr *names = &l->sections[table->sh_link];
    const char *name = (const char *)l->object + names->sh_offset + symbol->st_name;
    bool ends = symbol->st_name < names->sh_size && memchr(name, 0, names->sh_size - symbol->st_name);
    return ends ? name : "";
}

static cairn_status resolve(const loader *l, const Elf64_Shdr *table, uint64_t index, uint64_t *address)
{
    if (index >= table->sh_size / sizeof(Elf64_Sym))
        return damaged("a relocation names no symbol");
    const Elf64_Sym *symbol = (const Elf64_Sym *)(l->object + table->sh_offset) + index;
    if (symbol->st_shndx == SHN_UNDEF) {
        *address = (uint64_t)symbol_find(symbol_name(l, table, symbol));
        return *address ? CAIRN_OK
                        : error_set(CAIRN_E_UNSUPPORTED, "object code: the runtime has no function '%s'", symbol_name(l, table, symbol));
    }
    if (symbol->st_shndx >= l->header->e_shnum)
        return damaged("a symbol lies in no section");
    *address = l->places[symbol->st_shndx] + symbol->st_value;
    return CAIRN_OK;
}

/* A jump to an address anywhere: jmp *2(%rip); .quad address. Its last 8 bytes serve as a table entry. */
static uint64_t add_stub(loader *l, uint64_t address)
{
    static const uint8_t jump[8] = {0xff, 0x25, 0x02, 0, 0, 0, 0x0f, 0x0b};
    uint8_t *stub = l->memory + l->stub_end;
    l->stub_end += STUB_BYTES;
    memcpy(stub, jump, sizeof jump);
    memcpy(stub + 8, &address, sizeof address);
    return (uint64_t)stub;
}

static cairn_status store32(uint8_t *at, int64_t x)
{
    if (x != (int32_t)x)
        return damaged("a relocation is out of range");
    int32_t narrow = (int32_t)x;
    memcpy(at, &narrow, sizeof narrow);
    return CAIRN_OK;
}

static cairn_status relocate(loader *l, const Elf64_Rela *r, uint8_t *at, uint64_t symbol)
{
    int64_t here = (int64_t)at;
    switch (ELF64_R_TYPE(r->r_info)) {
    case R_X86_64_64:
        symbol += (uint64_t)r->r_addend;
        memcpy(at, &symbol, sizeof symbol);
        return CAIRN_OK;
    case R_X86_64_PC32:
        return store32(at, (int64_t)symbol + r->r_addend - here);
    case R_X86_64_PLT32:
        return store32(at, (int64_t)add_stub(l, symbol) + r->r_addend - here);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
        return store32(at, (int64_t)add_stub(l, symbol) + 8 + r->r_addend - here);
    default:
        return error_set(CAIRN_E_UNSUPPORTED, "object code: relocation type %u", (unsigned)ELF64_R_TYPE(r->r_info));
    }
}

static cairn_status relocate_section(loader *l, const Elf64_Shdr *table, const Elf64_Shdr *relocations)
{
    const Elf64_Shdr *target = &l->sections[relocations->sh_info];
    const Elf64_Rela *r = (const Elf64_Rela *)(l->object + relocations->sh_offset);
    cairn_status status = CAIRN_OK;
    for (size_t i = 0; i < relocations->sh_size / sizeof *r && !status; i++) {
        uint64_t symbol;
        if (r[i].r_offset > target->sh_size || target->sh_size - r[i].r_offset < 8)
            if (r[i].r_offset + 4 > target->sh_size)
                return damaged("a relocation lies outside its section");
        status = resolve(l, table, ELF64_R_SYM(r[i].r_info), &symbol);
        if (!status)
            status = relocate(l, &r[i], (uint8_t *)l->places[relocations->sh_info] + r[i].r_offset, symbol);
    }
    return status;
}

static cairn_status relocate_all(loader *l, const Elf64_Shdr *table)
{
    cairn_status status = CAIRN_OK;
    for (int i = 0; i < l->header->e_shnum && !status; i++) {
        const Elf64_Shdr *s = &l->sections[i];
        if (s->sh_type != SHT_RELA)
            continue;
        if (s->sh_info >= l->header->e_shnum)
            return damaged("relocations for no section");
        if (is_loaded(&l->sections[s->sh_info]))
            status = relocate_section(l, table, s);
    }
    return status;
}

static cairn_status find_kernel(const loader *l, const Elf64_Shdr *table, kernel_code *kernel)
{
    const Elf64_Sym *symbols = (const Elf64_Sym *)(l->object + table->sh_offset);
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++)
        if (strcmp(symbol_name(l, table, &symbols[i]), "kernel") == 0 && symbols[i].st_shndx < l->header->e_shnum) {
            *kernel = (kernel_code)(l->places[symbols[i].st_shndx] + symbols[i].st_value);
            return CAIRN_OK;
        }
    return damaged("there is no function 'kernel'");
}

cairn_status object_load(const uint8_t *object, size_t bytes, loaded_code *out)
{
    loader l = {.object = object, .bytes = bytes};
    cairn_status status = check_header(&l);
    const Elf64_Shdr *table = status ? NULL : section_of_type(&l, SHT_SYMTAB);
    if (!status && !table)
        status = damaged("there are no symbols");
    if (!status)
        status = map_sections(&l);
    if (!status)
        status = relocate_all(&l, table);
    if (!status)
        status = find_kernel(&l, table, &out->kernel);
    if (!status && mprotect(l.memory, l.total, PROT_READ | PROT_EXEC))
        status = error_set(CAIRN_E_STATE, "object code: memory cannot be made executable");
    if (!status && debug_wanted())
        out->shown = debug_show(object, bytes, l.places);
    mem_free(l.places);
    if (status && l.memory)
        munmap(l.memory, l.total);
    if (!status) {
        out->memory = l.memory;
        out->bytes = l.total;
    }
    return status;
}

void object_unload(loaded_code *code)
{
    debug_hide(code->shown);
    if (code->memory)
        munmap(code->memory, code->bytes);
    *code = (loaded_code){0};
}
