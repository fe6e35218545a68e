/* libnet/heap.c - slabs; see heap.h. After Bonwick, "The Slab Allocator", USENIX '94,
 * section 3.2: the slab's own record lies in its page.
 * SPDX-License-Identifier: ISC
 */
#include "libnet/heap.h"
#include <assert.h>

/* The head of a page; blocks follow at multiples of their size. */
struct heap_page {
	struct heap_page *next, *prev; /* of the list it is on; a full page is on none */
	void *free;                    /* freed blocks, each holding the next one's address */
	uint16_t class;
	uint16_t used;  /* blocks handed out */
	uint16_t fresh; /* blocks never handed out so far start at this index */
	uint16_t blocks;
};

enum { HEAD = 64 };
_Static_assert(sizeof(struct heap_page) <= HEAD, "blocks begin after the head");
_Static_assert(HEAD + HEAP_BLOCK_MAX <= HEAP_PAGE, "the largest block fits");

static const uint16_t block_size[HEAP_CLASSES] = {
	64, 128, 256, 448, 960, 1984, HEAP_BLOCK_MAX,
};

static void push(struct heap_page **list, struct heap_page *p)
{
	p->prev = NULL;
	p->next = *list;
	if (p->next)
		p->next->prev = p;
	*list = p;
}

static void unlink_page(struct heap_page **list, struct heap_page *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		*list = p->next;
	if (p->next)
		p->next->prev = p->prev;
}

void heap_init(struct heap *h, void *base, uint32_t limit, uint32_t step, heap_grow_fn *grow,
               void *context)
{
	assert((uintptr_t)base % HEAP_PAGE == 0 && step > 0);
	*h = (struct heap){
		.base = base, .limit = limit, .step = step, .grow = grow, .context = context,
	};
}

static bool grow(struct heap *h)
{
	uint32_t n = h->limit - h->pages < h->step ? h->limit - h->pages : h->step;
	uint8_t *base = h->base + (size_t)h->pages * HEAP_PAGE;

	if (n == 0 || !h->grow(h->context, base, n))
		return false;
	h->pages += n;
	while (n-- > 0)
		push(&h->empty, (struct heap_page *)(void *)(base + (size_t)n * HEAP_PAGE));
	return true;
}

/* A page of this class with a free block; it is on the class's list. */
static struct heap_page *page_of(struct heap *h, unsigned class)
{
	struct heap_page *p = h->partial[class];

	if (p)
		return p;
	if (h->held[class] >= (h->limit + 1) / 2 || (!h->empty && !grow(h)))
		return NULL;
	p = h->empty;
	unlink_page(&h->empty, p);
	p->class = (uint16_t)class;
	p->used = p->fresh = 0;
	p->free = NULL;
	p->blocks = (uint16_t)((HEAP_PAGE - HEAD) / block_size[class]);
	push(&h->partial[class], p);
	h->held[class]++;
	return p;
}

static void *take_block(struct heap_page *p)
{
	void *block = p->free;

	if (block)
		p->free = *(void **)block;
	else
		block = (uint8_t *)p + HEAD + (size_t)p->fresh++ * block_size[p->class];
	p->used++;
	return block;
}

void *heap_alloc(struct heap *h, size_t size)
{
	unsigned class = 0;

	if (size == 0 || size > HEAP_BLOCK_MAX)
		return NULL;
	while (block_size[class] < size)
		class++;
	struct heap_page *p = page_of(h, class);
	if (!p) {
		h->refused++;
		return NULL;
	}
	void *block = take_block(p);
	if (p->used == p->blocks)
		unlink_page(&h->partial[class], p);
	return block;
}

void heap_free(struct heap *h, void *block)
{
	if (!block)
		return;
	struct heap_page *p = (void *)((uintptr_t)block & ~(uintptr_t)(HEAP_PAGE - 1));
	assert((uint8_t *)p >= h->base && p->used > 0);
	if (p->used == p->blocks)
		push(&h->partial[p->class], p);
	*(void **)block = p->free;
	p->free = block;
	if (--p->used > 0)
		return;
	unlink_page(&h->partial[p->class], p);
	h->held[p->class]--;
	push(&h->empty, p);
}

uint32_t heap_used(const struct heap *h)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		sum += h->held[i];
	return sum;
}
