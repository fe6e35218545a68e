/* libnet/port/port.c - see port.h and hooks.h. SPDX-License-Identifier: ISC */
#include "libnet/port/port.h"
#include <string.h>
#include "libnet/checksum.h"
#include "libnet/copysum.h"
#include "libnet/heap.h"
#include "libnet/siphash.h"
#include "lwip/sys.h"
#include "libnet/port/hooks.h"

struct heap port_heap;

static struct {
	uint64_t key[2];
	uint64_t counter;
} entropy;

void *port_malloc(size_t size) { return heap_alloc(&port_heap, size); }

void *port_calloc(size_t count, size_t size)
{
	if (size && count > HEAP_BLOCK_MAX / size)
		return NULL;
	void *block = heap_alloc(&port_heap, count * size);
	return block ? memset(block, 0, count * size) : NULL;
}

void port_free(void *block) { heap_free(&port_heap, block); }

uint16_t port_checksum(const void *data, int length)
{
	return checksum_sum(data, (size_t)length);
}

uint16_t port_copy_checksum(void *to, const void *from, uint16_t length)
{
	return copysum(to, from, length);
}

void port_seed(const uint64_t key[2]) { memcpy(entropy.key, key, sizeof entropy.key); }

uint32_t port_random(void)
{
	entropy.counter++;
	return (uint32_t)siphash(entropy.key, &entropy.counter, sizeof entropy.counter);
}

/* The addresses as 16 bytes; lwIP's own type carries a zone and a tag beside them. */
static void put_address(uint8_t out[16], const ip_addr_t *a)
{
	memset(out, 0, 16);
	if (IP_IS_V6(a))
		memcpy(out, ip_2_ip6(a)->addr, 16);
	else
		memcpy(out, &ip_2_ip4(a)->addr, 4);
}

bool (*port_known_isn)(uint32_t address, uint16_t port, uint32_t *isn);

uint32_t port_tcp_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
                      uint16_t remote_port)
{
	uint8_t flow[36];
	uint32_t isn;

	if (port_known_isn && !IP_IS_V6(remote) &&
	    port_known_isn(ip_2_ip4(remote)->addr, lwip_htons(remote_port), &isn))
		return isn;

	put_address(flow, local);
	put_address(flow + 16, remote);
	memcpy(flow + 32, &local_port, 2);
	memcpy(flow + 34, &remote_port, 2);
	return (uint32_t)siphash(entropy.key, flow, sizeof flow) + sys_now() * 250;
}
