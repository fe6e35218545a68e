# libnet/: the library OS. Paths of lwIP and newlib come from build/deps.mk,
# which boot/deps.sh writes; make runs it when that file is missing or older.
# SPDX-License-Identifier: ISC
ifneq ($(MAKECMDGOALS),clean)
include $(B)/deps.mk
endif
$(B)/deps.mk: boot/deps.sh ; @boot/deps.sh
