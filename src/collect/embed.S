/* SPDX-License-Identifier: GPL-2.0-only */
/* embed.S - the compiled BPF objects inside the program. BPF_DIR: where the build put them. */
#define STR_(x) #x
#define STR(x) STR_(x)

	.section .rodata

	.balign 16
	.global connlife_bpf_o, connlife_bpf_o_end
connlife_bpf_o:
	.incbin STR(BPF_DIR/connlife.bpf.o)
connlife_bpf_o_end:
	.byte 0

	.balign 16
	.global connlife_5_10_bpf_o, connlife_5_10_bpf_o_end
connlife_5_10_bpf_o:
	.incbin STR(BPF_DIR/connlife-5.10.bpf.o)
connlife_5_10_bpf_o_end:
	.byte 0

	.balign 16
	.global snapshot_bpf_o, snapshot_bpf_o_end
snapshot_bpf_o:
	.incbin STR(BPF_DIR/snapshot.bpf.o)
snapshot_bpf_o_end:
	.byte 0

	.section .note.GNU-stack,"",%progbits
