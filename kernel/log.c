/* kernel/log.c - formatted log on the first UART, kept in a circular exposed buffer.
 *
 * Source: 16550 UART data sheet. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/info.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/info.h"
#include "kernel/log.h"

enum { /* UART registers, from COM1 */
	COM1 = 0x3f8,
	DATA = COM1,
	DIVISOR_LO = COM1,
	INT_ENABLE = COM1 + 1,
	DIVISOR_HI = COM1 + 1,
	FIFO_CTRL = COM1 + 2,
	LINE_CTRL = COM1 + 3,
	MODEM_CTRL = COM1 + 4,
	LINE_STATUS = COM1 + 5,

	RX_READY = 1,
	TX_EMPTY = 0x20,
	INPUT_SIZE = 256,
};

static struct {
	union {
		struct exo_log log;
		uint8_t fill[(sizeof(struct exo_log) + 4095) / 4096 * 4096];
	};
	uint8_t input[INPUT_SIZE];
	uint32_t input_tail; /* info.console_in is its head */
} state __attribute__((aligned(4096)));

void log_init(void)
{
	outb(INT_ENABLE, 0);
	outb(LINE_CTRL, 0x80); /* divisor latch: 115200 baud */
	outb(DIVISOR_LO, 1);
	outb(DIVISOR_HI, 0);
	outb(LINE_CTRL, 3);    /* 8 bits, no parity, 1 stop */
	outb(FIFO_CTRL, 7);    /* on, emptied */
	outb(MODEM_CTRL, 0xb); /* DTR, RTS, interrupt line on */
	outb(INT_ENABLE, 1);   /* received data */
}

static void uart_put(char c)
{
	/* A UART that never empties (none there) must not stop the kernel. */
	for (int tries = 0; tries < 100000 && !(inb(LINE_STATUS) & TX_EMPTY); tries++)
		__asm__ volatile("pause");
	outb(DATA, (uint8_t)c);
}

void console_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			uart_put('\r');
		uart_put(text[i]);
	}
}

void console_interrupt(void)
{
	while (inb(LINE_STATUS) & RX_READY) {
		uint8_t c = inb(DATA);

		if (info.console_in - state.input_tail < INPUT_SIZE)
			state.input[info.console_in++ % INPUT_SIZE] = c;
	}
}

int console_read(void)
{
	console_interrupt();
	if (state.input_tail == info.console_in)
		return -E_AGAIN;
	return state.input[state.input_tail++ % INPUT_SIZE];
}

struct exo_log *log_exposed(void) { return &state.log; }

static void put(char c)
{
	state.log.text[state.log.head++ % EXO_LOG_SIZE] = c;
	console_write(&c, 1);
}

static void put_number(uint64_t v, unsigned base, int width, char pad)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	for (int i = n; i < width; i++)
		put(pad);
	while (n > 0)
		put(digits[--n]);
}

static void put_signed(int64_t v)
{
	if (v < 0)
		put('-');
	put_number(v < 0 ? -(uint64_t)v : (uint64_t)v, 10, 0, ' ');
}

/* One conversion; returns the character after it. */
static const char *convert(const char *f, va_list *args)
{
	char pad = *f == '0' ? '0' : ' ';
	int width = 0;
	bool is_long = false;

	while (*f >= '0' && *f <= '9')
		width = width * 10 + *f++ - '0';
	while (*f == 'l') {
		is_long = true;
		f++;
	}
	switch (*f) {
	case 's':
		for (const char *s = va_arg(*args, const char *); *s; s++)
			put(*s);
		break;
	case 'c':
		put((char)va_arg(*args, int));
		break;
	case 'd':
		put_signed(is_long ? va_arg(*args, long) : va_arg(*args, int));
		break;
	case 'p':
		is_long = true; /* fall through */
	case 'x':
	case 'u':
		put_number(is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned),
		           *f == 'u' ? 10 : 16, width, pad);
		break;
	default:
		put(*f);
	}
	return f + 1;
}

void log_vprintf(const char *format, va_list *args)
{
	while (*format) {
		if (*format == '%' && format[1])
			format = convert(format + 1, args);
		else
			put(*format++);
	}
}

void log_printf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vprintf(format, &args);
	va_end(args);
}
