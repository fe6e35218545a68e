# libnet/: the library OS. Paths of lwIP and newlib come from build/deps.mk,
# which boot/deps.sh writes; make runs it when that file is missing or older.
# SPDX-License-Identifier: ISC
ifneq ($(MAKECMDGOALS),clean)
include $(B)/deps.mk
endif
$(B)/deps.mk: boot/deps.sh ; @boot/deps.sh

# Host tests: NAME_test.c and the sources it exercises, with the sanitizers on.
$(B)/s/libnet/test/heap_test: $(addprefix $(B)/s/libnet/,heap.o)
$(B)/s/libnet/test/elf_test:  $(addprefix $(B)/s/libnet/exos/,elf.o)
$(B)/s/libnet/test/share_test: $(addprefix $(B)/s/libnet/,share.o)
$(B)/s/libnet/test/ring_test: $(addprefix $(B)/s/libnet/,ring.o)
$(B)/s/libnet/test/checksum_test: $(addprefix $(B)/s/libnet/,checksum.o)

LIBNET_TESTS := $(addprefix $(B)/s/libnet/test/,heap_test elf_test share_test ring_test checksum_test)
$(LIBNET_TESTS): $(B)/s/%: $(B)/s/%.o ; $(CC) $(SFLAGS) -o $@ $^ -lcmocka
TESTS    += $(LIBNET_TESTS)
TESTDEPS += $(LIBNET_TESTS)
