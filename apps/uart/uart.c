/* apps/uart/uart.c - see uart.h. Source: 16550 UART data sheet. SPDX-License-Identifier: ISC */
#include "apps/uart/uart.h"
#include <stdbool.h>
#include "exo/device.h"
#include "exo/stub.h"
#include "exo/wait.h"
#include "libnet/exos/context.h"

enum { /* registers and their bits */
	DATA = 0,
	DIVISOR_LO = 0,
	INT_ENABLE = 1,
	DIVISOR_HI = 1,
	INT_ID = 2,
	FIFO_CTRL = 2,
	LINE_CTRL = 3,
	MODEM_CTRL = 4,
	LINE_STATUS = 5,
	PORTS = 8,

	INT_RECEIVED = 1,
	INT_EMPTY = 2,
	INT_NONE = 1,    /* of INT_ID */
	FIFO_ON = 0xc7,  /* emptied; interrupt at 14 bytes, or when they age */
	FIFO_BYTES = 16,
	DIVISOR_LATCH = 0x80,
	EIGHT_BITS = 3,
	LINE_ON = 0xb,   /* DTR, RTS, interrupts */
	RECEIVED = 1,    /* of LINE_STATUS */
	EMPTY = 0x20,
};

enum { QUEUE = 4096 }; /* bytes; a power of two */

/* head and tail run freely; the upcall and the program each write one of them. */
struct queue {
	volatile uint32_t head, tail;
	uint8_t byte[QUEUE];
};

static struct {
	uint32_t ports, irq; /* slots */
	struct queue in, out;
} uart;

static uint32_t length(const struct queue *q) { return q->head - q->tail; }
static void push(struct queue *q, uint8_t c)
{
	q->byte[q->head % QUEUE] = c;
	q->head++;
}
static uint8_t pop(struct queue *q)
{
	uint8_t c = q->byte[q->tail % QUEUE];

	q->tail++;
	return c;
}

static uint8_t get(uint32_t reg) { return (uint8_t)sys_device_read(uart.ports, reg, 1); }
static void put(uint32_t reg, uint8_t v) { sys_device_write(uart.ports, reg, 1, v); }

/* Move bytes until the line has none, or the queue no room; interrupt for what is left. Masked. */
static void move(void)
{
	while (length(&uart.in) < QUEUE && get(LINE_STATUS) & RECEIVED)
		push(&uart.in, get(DATA));
	if (length(&uart.out) && get(LINE_STATUS) & EMPTY)
		for (int i = 0; i < FIFO_BYTES && length(&uart.out); i++)
			put(DATA, pop(&uart.out));
	put(INT_ENABLE, (uint8_t)((length(&uart.in) < QUEUE ? INT_RECEIVED : 0) |
	                          (length(&uart.out) ? INT_EMPTY : 0)));
}

/* The line reports edges: it is acknowledged first, then served until it wants nothing. */
void uart_interrupt(void)
{
	sys_irq_ack(uart.irq);
	do
		move();
	while (!(get(INT_ID) & INT_NONE));
}

static void start(void)
{
	put(INT_ENABLE, 0);
	put(LINE_CTRL, DIVISOR_LATCH);
	put(DIVISOR_LO, 1);
	put(DIVISOR_HI, 0);
	put(LINE_CTRL, EIGHT_BITS);
	put(FIFO_CTRL, FIFO_ON);
	put(MODEM_CTRL, LINE_ON);
	put(INT_ENABLE, INT_RECEIVED);
}

long uart_open(uint32_t machine, uint16_t base, uint32_t irq)
{
	long ports = sys_device_claim(machine, DEVICE_PORTS, base, PORTS, 0);

	if (ports < 0)
		return ports;
	long line = sys_device_claim(machine, DEVICE_IRQ, irq, 1, 0);
	if (line < 0) {
		sys_device_free((uint32_t)ports);
		return line;
	}
	uart.ports = (uint32_t)ports;
	uart.irq = (uint32_t)line;
	start();
	return 0;
}

/* Sleep until the word, which the upcall changes, is no longer as seen. */
static void sleep_on(const volatile uint32_t *word, uint32_t seen)
{
	const struct exo_wait_term term = { .address = (uint64_t)word, .value = seen,
		                            .op = WAIT_NE };

	context_wait(&term, 1, WAIT_FOREVER);
}

uint32_t uart_read(uint8_t *to, uint32_t n)
{
	uint32_t got = 0;

	while (length(&uart.in) == 0)
		sleep_on(&uart.in.head, uart.in.tail);
	context_mask();
	bool was_full = length(&uart.in) == QUEUE;
	while (got < n && length(&uart.in))
		to[got++] = pop(&uart.in);
	if (was_full)
		move();
	context_unmask();
	return got;
}

void uart_write(const uint8_t *from, uint32_t n)
{
	while (n) {
		uint32_t tail = uart.out.tail;

		context_mask();
		for (; n && length(&uart.out) < QUEUE; n--)
			push(&uart.out, *from++);
		move();
		context_unmask();
		if (n)
			sleep_on(&uart.out.tail, tail);
	}
}
