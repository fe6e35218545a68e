/* Every instruction form of dpf/x86.h, over all registers and the displacements and
 * immediates where encodings change, decoded again by capstone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <capstone/capstone.h>
#include "dpf/x86.h"

static const char *const name64[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
	"rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const name32[16] = { "eax", "ecx", "edx", "ebx", "esp", "ebp",
	"esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d" };
static const char *const name16[16] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
	"r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w" };
static const char *const name8[16] = { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
	"r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b" };
static const char *const *const names[] = { name8, name16, name32, name64 };
static const char *const ptr[] = { "byte", "word", "dword", "qword" };
static const char *const alu_name[] = { "add", "or", "adc", "", "and", "sub", "xor", "cmp" };
static const char *const shift_name[] = { "rol", "ror", "", "", "shl", "shr", "", "sar" };
static const char *const unary_name[] = { "", "", "not", "neg", "mul", "", "div", "idiv" };
static const char *const cc_name[] = { "o", "no", "b", "ae", "e", "ne", "be", "a", "s",
	"ns", "p", "np", "l", "ge", "le", "g" };

static const int32_t disps[] = { 0, 1, -1, 127, 128, -128, -129, INT32_MAX, INT32_MIN };
static const int32_t imms[] = { 10, 127, 128, 255, 256, 0x7fffffff };
#define COUNT(a) (sizeof(a) / sizeof *(a))

static csh capstone;
static uint8_t code[32];
static struct x86 a;
static unsigned checked;

static struct x86 *fresh(void)
{
	x86_init(&a, code, sizeof code);
	return &a;
}

/* The emitted bytes are exactly one instruction, printed like this. */
static void expect(const char *format, ...)
{
	char want[96], got[200];
	cs_insn *insn;
	va_list ap;

	va_start(ap, format);
	vsnprintf(want, sizeof want, format, ap);
	va_end(ap);
	size_t n = cs_disasm(capstone, code, x86_here(&a), 0, 0, &insn);
	assert_false(a.full);
	assert_int_equal(n, 1);
	assert_int_equal(insn->size, x86_here(&a));
	snprintf(got, sizeof got, "%s%s%s", insn->mnemonic, insn->op_str[0] ? " " : "",
	         insn->op_str);
	cs_free(insn, n);
	assert_string_equal(got, want);
	checked++;
}

/* capstone prints numbers below 10 in decimal, the rest in hexadecimal. */
static const char *number(int64_t v)
{
	static char text[4][32];
	static int turn;
	char *s = text[turn++ & 3];
	uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;

	snprintf(s, 32, magnitude > 9 ? "%s0x%llx" : "%s%llu", v < 0 ? "-" : "",
	         (unsigned long long)magnitude);
	return s;
}

static const char *operand(struct x86_mem m)
{
	static char s[64];
	int n = snprintf(s, sizeof s, "[%s", name64[m.base]);
	char scale[8] = "";

	if (m.scale)
		snprintf(scale, sizeof scale, "*%d", 1 << m.scale);
	if (m.index != X86_NOINDEX)
		n += snprintf(s + n, sizeof s - n, " + %s%s", name64[m.index], scale);
	if (m.disp)
		n += snprintf(s + n, sizeof s - n, " %c %s", m.disp < 0 ? '-' : '+',
		              number(m.disp < 0 ? -(int64_t)m.disp : m.disp));
	snprintf(s + n, sizeof s - n, "]");
	return s;
}

/* Runs f over every base, index, scale and displacement. */
static void each_operand(void (*f)(struct x86_mem m))
{
	for (int base = 0; base < 16; base++)
		for (int index = 0; index < 16; index++)
			for (int scale = 0; scale < (index == X86_NOINDEX ? 1 : 4); scale++)
				for (size_t d = 0; d < COUNT(disps); d++)
					f((struct x86_mem){ base, index, scale, disps[d] });
}

static void check_load(struct x86_mem m)
{
	enum x86_gpr r = (m.base * 7 + m.index) & 15;

	for (int s = X86_8; s <= X86_64; s++) {
		x86_load(fresh(), s, r, m);
		expect("%s %s, %s ptr %s", s < X86_32 ? "movzx" : "mov",
		       s == X86_64 ? name64[r] : name32[r], ptr[s], operand(m));
		x86_store(fresh(), s, m, r);
		expect("mov %s ptr %s, %s", ptr[s], operand(m), names[s][r]);
		x86_store_imm(fresh(), s, m, 10);
		expect("mov %s ptr %s, 0xa", ptr[s], operand(m));
		if (s == X86_64)
			break;
		x86_load_signed(fresh(), s, r, m);
		expect("%s %s, %s ptr %s", s == X86_32 ? "movsxd" : "movsx", name64[r], ptr[s],
		       operand(m));
	}
}

static void loads_and_stores(void **state)
{
	(void)state;
	each_operand(check_load);
}

static void check_wide(struct x86_mem m)
{
	enum x86_gpr r = (m.base * 5 + m.index * 3) & 15;

	for (int s = X86_32; s <= X86_64; s++) {
		x86_lea(fresh(), s, r, m);
		expect("lea %s, %s", names[s][r], operand(m));
		x86_imul_mem(fresh(), s, r, m);
		expect("imul %s, %s ptr %s", names[s][r], ptr[s], operand(m));
		x86_lock_xadd(fresh(), s, m, r);
		expect("lock xadd %s ptr %s, %s", ptr[s], operand(m), names[s][r]);
		x86_lock_cmpxchg(fresh(), s, m, r);
		expect("lock cmpxchg %s ptr %s, %s", ptr[s], operand(m), names[s][r]);
		x86_xchg_mem(fresh(), s, m, r);
		expect("xchg %s ptr %s, %s", ptr[s], operand(m), names[s][r]);
	}
	x86_jmp_mem(fresh(), m);
	expect("jmp qword ptr %s", operand(m));
	x86_call_mem(fresh(), m);
	expect("call qword ptr %s", operand(m));
	x86_prefetch(fresh(), m);
	expect("prefetcht0 byte ptr %s", operand(m));
}

static void wide_memory_forms(void **state)
{
	(void)state;
	each_operand(check_wide);
}

static void check_alu_mem(struct x86_mem m)
{
	enum x86_gpr r = (m.base + m.index * 3) & 15;

	for (int op = X86_ADD; op <= X86_CMP; op++) {
		if (!alu_name[op][0])
			continue;
		for (int s = X86_32; s <= X86_64; s++) {
			x86_alu_mem(fresh(), s, op, r, m);
			expect("%s %s, %s ptr %s", alu_name[op], names[s][r], ptr[s], operand(m));
			if (op == X86_CMP)
				continue;
			x86_lock_alu(fresh(), s, op, m, r);
			expect("lock %s %s ptr %s, %s", alu_name[op], ptr[s], operand(m),
			       names[s][r]);
		}
		for (int s = X86_8; s <= X86_64; s++) {
			int32_t imm = s == X86_8 ? 10 : s == X86_16 ? 0x1234 : 0x12345678;

			x86_alu_mem_imm(fresh(), s, op, m, imm);
			expect("%s %s ptr %s, %s", alu_name[op], ptr[s], operand(m), number(imm));
		}
	}
}

static void alu_on_memory(void **state)
{
	(void)state;
	each_operand(check_alu_mem);
}

static void check_pair(enum x86_gpr d, enum x86_gpr r, int s)
{
	const char *const *n = names[s];

	x86_mov(fresh(), s, d, r);
	expect("mov %s, %s", n[d], n[r]);
	x86_imul(fresh(), s, d, r);
	expect("imul %s, %s", n[d], n[r]);
	x86_imul_imm(fresh(), s, d, r, 0x12345);
	expect("imul %s, %s, 0x12345", n[d], n[r]);
	x86_test(fresh(), s, d, r);
	expect("test %s, %s", n[d], n[r]);
	for (int op = X86_ADD; op <= X86_CMP; op++) {
		if (!alu_name[op][0])
			continue;
		x86_alu(fresh(), s, op, d, r);
		expect("%s %s, %s", alu_name[op], n[d], n[r]);
	}
	for (int cc = CC_O; cc <= CC_G; cc++) {
		x86_cmov(fresh(), s, cc, d, r);
		expect("cmov%s %s, %s", cc_name[cc], n[d], n[r]);
	}
}

static void check_extend(enum x86_gpr d, enum x86_gpr r)
{
	for (int s = X86_8; s <= X86_16; s++) {
		x86_zero_extend(fresh(), s, d, r);
		expect("movzx %s, %s", name32[d], names[s][r]);
	}
	for (int s = X86_8; s <= X86_32; s++) {
		x86_sign_extend(fresh(), s, d, r);
		expect("%s %s, %s", s == X86_32 ? "movsxd" : "movsx", name64[d], names[s][r]);
	}
}

static void register_pairs(void **state)
{
	(void)state;
	for (int d = 0; d < 16; d++)
		for (int r = 0; r < 16; r++) {
			check_pair(d, r, X86_32);
			check_pair(d, r, X86_64);
			check_extend(d, r);
		}
}

static void check_immediates(enum x86_gpr r, int s)
{
	for (size_t i = 0; i < COUNT(imms); i++) {
		for (int op = X86_ADD; op <= X86_CMP; op++) {
			if (!alu_name[op][0])
				continue;
			x86_alu_imm(fresh(), s, op, r, imms[i]);
			expect("%s %s, %s", alu_name[op], names[s][r], number(imms[i]));
		}
		x86_test_imm(fresh(), s, r, imms[i]);
		expect("test %s, %s", names[s][r], number(imms[i]));
	}
}

static void check_one(enum x86_gpr r, int s)
{
	const char *n = names[s][r];

	for (int op = X86_ROL; op <= X86_SAR; op++) {
		if (!shift_name[op][0])
			continue;
		x86_shift_imm(fresh(), s, op, r, 31);
		expect("%s %s, 0x1f", shift_name[op], n);
		x86_shift_cl(fresh(), s, op, r);
		expect("%s %s, cl", shift_name[op], n);
	}
	for (int op = X86_NOT; op <= X86_IDIV; op++) {
		if (!unary_name[op][0])
			continue;
		x86_unary(fresh(), s, op, r);
		expect("%s %s", unary_name[op], n);
	}
	x86_bswap(fresh(), s, r);
	expect("bswap %s", n);
	x86_crc32(fresh(), r, R9);
	expect("crc32 %s, r9", names[X86_64][r]);
}

static void single_registers(void **state)
{
	(void)state;
	for (int r = 0; r < 16; r++) {
		for (int s = X86_32; s <= X86_64; s++) {
			check_immediates(r, s);
			check_one(r, s);
		}
		for (int cc = CC_O; cc <= CC_G; cc++) {
			x86_setcc(fresh(), cc, r);
			expect("set%s %s", cc_name[cc], name8[r]);
		}
		x86_push(fresh(), r);
		expect("push %s", name64[r]);
		x86_pop(fresh(), r);
		expect("pop %s", name64[r]);
		x86_jmp_reg(fresh(), r);
		expect("jmp %s", name64[r]);
		x86_call_reg(fresh(), r);
		expect("call %s", name64[r]);
	}
}

static void mov_imm_takes_the_shortest_form(void **state)
{
	static const struct {
		uint64_t imm;
		uint32_t length; /* for rax */
	} table[] = { { 0, 5 }, { 0xffffffff, 5 }, { 0x100000000, 10 },
		      { 0xffffffff80000000, 7 }, { 0xffffffff7fffffff, 10 } };

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		for (int r = 0; r < 16; r++) {
			x86_mov_imm(fresh(), r, table[i].imm);
			assert_int_equal(x86_here(&a),
			                 table[i].length + (r >= 8 && table[i].length == 5));
			cs_insn *insn;
			assert_int_equal(cs_disasm(capstone, code, x86_here(&a), 0, 0, &insn), 1);
			int64_t got = insn->detail->x86.operands[1].imm;
			cs_free(insn, 1);
			assert_int_equal(got, table[i].imm);
		}
}

static void lone_instructions(void **state)
{
	(void)state;
	x86_ret(fresh());
	expect("ret");
	x86_ud2(fresh());
	expect("ud2");
	x86_int3(fresh());
	expect("int3");
	x86_cdq(fresh(), X86_32);
	expect("cdq");
	x86_cdq(fresh(), X86_64);
	expect("cqo");
}

/* Three jumps forward and two back meet at one label. */
static void labels_join_jumps_from_both_sides(void **state)
{
	static const char *const want[] = { "jmp 0x10", "jne 0x10", "call 0x10", "ret",
		"jb 0x10", "jmp 0x10" };
	struct x86_label l = { 0 };
	cs_insn *insn;

	(void)state;
	x86_jmp(fresh(), &l);
	x86_jcc(&a, CC_NE, &l);
	x86_call(&a, &l);
	x86_bind(&a, &l);
	x86_ret(&a);
	x86_jcc(&a, CC_B, &l);
	x86_jmp(&a, &l);
	size_t n = cs_disasm(capstone, code, x86_here(&a), 0, 0, &insn);
	assert_int_equal(n, COUNT(want));
	for (size_t i = 0; i < n; i++) {
		char got[200];

		snprintf(got, sizeof got, "%s%s%s", insn[i].mnemonic,
		         insn[i].op_str[0] ? " " : "", insn[i].op_str);
		assert_string_equal(got, want[i]);
	}
	cs_free(insn, n);
}

static void a_full_buffer_is_reported_and_not_overrun(void **state)
{
	(void)state;
	for (size_t room = 0; room < 12; room++) {
		struct x86_label l = { 0 };

		memset(code, 0xee, sizeof code);
		x86_init(&a, code, room);
		x86_mov_imm(&a, R15, 0x123456789abcdef0);
		x86_jcc(&a, CC_E, &l);
		x86_bind(&a, &l);
		assert_true(a.full);
		for (size_t i = room; i < sizeof code; i++)
			assert_int_equal(code[i], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_and_stores),
		cmocka_unit_test(wide_memory_forms),
		cmocka_unit_test(alu_on_memory),
		cmocka_unit_test(register_pairs),
		cmocka_unit_test(single_registers),
		cmocka_unit_test(mov_imm_takes_the_shortest_form),
		cmocka_unit_test(lone_instructions),
		cmocka_unit_test(labels_join_jumps_from_both_sides),
		cmocka_unit_test(a_full_buffer_is_reported_and_not_overrun),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) != CS_ERR_OK)
		return 1;
	cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON);
	int failed = cmocka_run_group_tests_name("x86", tests, NULL, NULL);
	cs_close(&capstone);
	return failed;
}
