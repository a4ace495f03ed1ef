/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What glibc's libgcc_eh asks of its C library and musl has not: with it, the
 * C++ runtime of a glibc host unwinds static musl programs too. */
#define _GNU_SOURCE 1
#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* As in glibc's <dlfcn.h>, where this has no padding to speak of (64 bits). */
struct dl_find_object {
	unsigned long long	 flags;
	void			*map_start;
	void			*map_end;
	void			*link_map;
	void			*eh_frame;
	unsigned long long	 reserved[7];
};

int _dl_find_object(void *pc, struct dl_find_object *result);

struct search {
	uintptr_t		 pc;
	struct dl_find_object	*result;
};

static int
look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	int i, found = 0;

	(void)size;
	search->result->eh_frame = NULL;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type == PT_GNU_EH_FRAME)
			search->result->eh_frame = (void *)start;
		if (phdr->p_type == PT_LOAD && search->pc - start < phdr->p_memsz) {
			search->result->map_start = (void *)start;
			search->result->map_end = (void *)(start + phdr->p_memsz);
			found = 1;
		}
	}
	return found && search->result->eh_frame != NULL;
}

int
_dl_find_object(void *pc, struct dl_find_object *result)
{
	struct search search;

	search.pc = (uintptr_t)pc;
	search.result = result;
	return dl_iterate_phdr(look, &search) ? 0 : -1;
}
