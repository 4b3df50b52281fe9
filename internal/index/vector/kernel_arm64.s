#include "textflag.h"

// What the loops do is said in kernel.go. Instructions that the assembler has no name
// for are written by their encoding: m and n are sources, d is the destination.

#define SMULL(m, n, d)  WORD $(0x0e20c000 | m<<16 | n<<5 | d) // d.8h = n.8b × m.8b
#define SMLAL2(m, n, d) WORD $(0x4e208000 | m<<16 | n<<5 | d) // d.8h += upper n.8b × m.8b
#define SADALP(n, d)    WORD $(0x4e606800 | n<<5 | d)         // d.4s += pairs of n.8h
#define UADALP(n, d)    WORD $(0x6e206800 | n<<5 | d)         // d.8h += pairs of n.16b
#define UADDLPH(n, d)   WORD $(0x6e602800 | n<<5 | d)         // d.4s = pairs of n.8h
#define UADDLPS(n, d)   WORD $(0x6ea02800 | n<<5 | d)         // d.2d = pairs of n.4s
#define FCVTL(n, d)     WORD $(0x0e217800 | n<<5 | d)         // d.4s = n.4h
#define FCVTL2(n, d)    WORD $(0x4e217800 | n<<5 | d)         // d.4s = upper n.4h
#define FMUL(m, n, d)   WORD $(0x6e20dc00 | m<<16 | n<<5 | d) // 4s
#define FADD(m, n, d)   WORD $(0x4e20d400 | m<<16 | n<<5 | d) // 4s
#define FADDP(n, d)     WORD $(0x7e30d800 | n<<5 | d)         // d.s = pair of n.2s

// Two products of codes fit int16: none is -128.
#define CODES(row, query, acc) \
	SMULL(query, row, 8)  \
	SMLAL2(query, row, 8) \
	SADALP(8, acc)

// func dotRowsNEON(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)
TEXT ·dotRowsNEON(SB), NOSPLIT, $0-100
	MOVD dots_base+0(FP), R0
	MOVD rows_base+24(FP), R1
	MOVD rows_len+32(FP), R2
	MOVD codes_base+48(FP), R3
	MOVD query_base+72(FP), R4
	MOVD query_len+80(FP), R5
	CBZ  R2, rowsdone

row:
	MOVHU.P 2(R1), R6
	MUL     R5, R6, R6
	ADD     R3, R6, R6
	MOVD    R4, R7
	MOVD    R5, R8
	VEOR    V16.B16, V16.B16, V16.B16
	VEOR    V17.B16, V17.B16, V17.B16
	VEOR    V18.B16, V18.B16, V18.B16
	VEOR    V19.B16, V19.B16, V19.B16

rowstep:
	VLD1.P 64(R6), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R7), [V4.B16, V5.B16, V6.B16, V7.B16]
	CODES(0, 4, 16)
	CODES(1, 5, 17)
	CODES(2, 6, 18)
	CODES(3, 7, 19)
	SUBS   $64, R8, R8
	BNE    rowstep

	VADD   V17.S4, V16.S4, V16.S4
	VADD   V19.S4, V18.S4, V18.S4
	VADD   V18.S4, V16.S4, V16.S4
	VADDV  V16.S4, V16
	VMOV   V16.S[0], R9
	MOVW.P R9, 4(R0)
	SUBS   $1, R2, R2
	BNE    row

rowsdone:
	RET

// Bits that differ, by byte: at most 8 + 16 + 32.
#define SIGNS(v, acc) \
	VEOR V12.B16, v.B16, V4.B16 \
	VEOR V13.B16, v.B16, V5.B16 \
	VEOR V14.B16, v.B16, V6.B16 \
	VCNT V4.B16, V4.B16         \
	VCNT V5.B16, V5.B16         \
	VCNT V6.B16, V6.B16         \
	VADD V6.B16, V6.B16, V6.B16 \
	VADD V6.B16, V5.B16, V5.B16 \
	VADD V5.B16, V5.B16, V5.B16 \
	VADD V4.B16, V5.B16, V5.B16 \
	UADALP(5, acc)

#define STORE(n) \
	UADDLPH(n, 0) \
	UADDLPS(0, 0) \
	VST1.P [V0.D2], 16(R0)

// func differingNEON(sums *[lanes]int, signs, planes []uint64)
TEXT ·differingNEON(SB), NOSPLIT, $0-56
	MOVD sums+0(FP), R0
	MOVD signs_base+8(FP), R1
	MOVD planes_base+32(FP), R2
	MOVD planes_len+40(FP), R3
	VEOR V16.B16, V16.B16, V16.B16
	VEOR V17.B16, V17.B16, V17.B16
	VEOR V18.B16, V18.B16, V18.B16
	VEOR V19.B16, V19.B16, V19.B16
	VEOR V20.B16, V20.B16, V20.B16
	VEOR V21.B16, V21.B16, V21.B16
	VEOR V22.B16, V22.B16, V22.B16
	VEOR V23.B16, V23.B16, V23.B16
	VEOR V24.B16, V24.B16, V24.B16
	VEOR V25.B16, V25.B16, V25.B16
	VEOR V26.B16, V26.B16, V26.B16
	VEOR V27.B16, V27.B16, V27.B16
	VEOR V28.B16, V28.B16, V28.B16
	VEOR V29.B16, V29.B16, V29.B16
	VEOR V30.B16, V30.B16, V30.B16
	VEOR V31.B16, V31.B16, V31.B16

word:
	VLD1R.P 8(R2), [V12.D2]
	VLD1R.P 8(R2), [V13.D2]
	VLD1R.P 8(R2), [V14.D2]
	VLD1.P  64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	SIGNS(V0, 16)
	SIGNS(V1, 17)
	SIGNS(V2, 18)
	SIGNS(V3, 19)
	VLD1.P  64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	SIGNS(V0, 20)
	SIGNS(V1, 21)
	SIGNS(V2, 22)
	SIGNS(V3, 23)
	VLD1.P  64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	SIGNS(V0, 24)
	SIGNS(V1, 25)
	SIGNS(V2, 26)
	SIGNS(V3, 27)
	VLD1.P  64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	SIGNS(V0, 28)
	SIGNS(V1, 29)
	SIGNS(V2, 30)
	SIGNS(V3, 31)
	SUBS    $3, R3, R3
	BNE     word

	STORE(16)
	STORE(17)
	STORE(18)
	STORE(19)
	STORE(20)
	STORE(21)
	STORE(22)
	STORE(23)
	STORE(24)
	STORE(25)
	STORE(26)
	STORE(27)
	STORE(28)
	STORE(29)
	STORE(30)
	STORE(31)
	RET

// Eight float16 of h with eight numbers of the query, in q0 and q1.
#define HALVES(h, q0, q1, acc0, acc1) \
	FCVTL(h, 24)         \
	FCVTL2(h, 25)        \
	FMUL(q0, 24, 24)     \
	FMUL(q1, 25, 25)     \
	FADD(24, acc0, acc0) \
	FADD(25, acc1, acc1)

// func dotHalfNEON(half []uint16, query []float32) float32
TEXT ·dotHalfNEON(SB), NOSPLIT, $0-52
	MOVD half_base+0(FP), R0
	MOVD query_base+24(FP), R1
	MOVD query_len+32(FP), R2
	VEOR V16.B16, V16.B16, V16.B16
	VEOR V17.B16, V17.B16, V17.B16
	VEOR V18.B16, V18.B16, V18.B16
	VEOR V19.B16, V19.B16, V19.B16
	VEOR V20.B16, V20.B16, V20.B16
	VEOR V21.B16, V21.B16, V21.B16
	VEOR V22.B16, V22.B16, V22.B16
	VEOR V23.B16, V23.B16, V23.B16

halfstep:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]
	HALVES(0, 4, 5, 16, 17)
	HALVES(1, 6, 7, 18, 19)
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]
	HALVES(2, 4, 5, 20, 21)
	HALVES(3, 6, 7, 22, 23)
	SUBS   $32, R2, R2
	BNE    halfstep

	FADD(18, 16, 16)
	FADD(22, 20, 20)
	FADD(20, 16, 16)
	FADD(19, 17, 17)
	FADD(23, 21, 21)
	FADD(21, 17, 17)
	FADD(17, 16, 16)
	VEXT   $8, V16.B16, V16.B16, V17.B16
	FADD(17, 16, 16)
	FADDP(16, 0)
	FMOVS  F0, ret+48(FP)
	RET

// func fetch(half []uint16)
TEXT ·fetch(SB), NOSPLIT, $0-24
	MOVD half_base+0(FP), R0
	MOVD half_len+8(FP), R1
	LSR  $5, R1, R1
	CBZ  R1, fetched

fetchline:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0
	SUBS $1, R1, R1
	BNE  fetchline

fetched:
	RET
