#include "textflag.h"

// What the loops do is said in kernel.go.

// REDUCE8 adds up the eight registers Y0 to Y7, each to one int32, into Y0.
#define REDUCE8 \
	VPHADDD    Y1, Y0, Y0       \
	VPHADDD    Y3, Y2, Y2       \
	VPHADDD    Y5, Y4, Y4       \
	VPHADDD    Y7, Y6, Y6       \
	VPHADDD    Y2, Y0, Y0       \
	VPHADDD    Y6, Y4, Y4       \
	VPERM2I128 $0x20, Y4, Y0, Y1 \
	VPERM2I128 $0x31, Y4, Y0, Y2 \
	VPADDD     Y2, Y1, Y0

// BOUND8 makes the bounds of eight int32 in Y0: c0 in Y12, c1 in Y13, c2 in Y14.
#define BOUND8 \
	VCVTDQ2PS Y0, Y0      \
	VMULPS    Y13, Y0, Y0 \
	VADDPS    Y12, Y0, Y0 \
	VMULPS    (R8), Y0, Y0 \
	VADDPS    Y14, Y0, Y0 \
	VMOVUPS   Y0, (DI)    \
	ADDQ      $32, R8     \
	ADDQ      $32, DI

DATA ones<>+0(SB)/8, $0x0001000100010001
DATA ones<>+8(SB)/8, $0x0001000100010001
DATA ones<>+16(SB)/8, $0x0001000100010001
DATA ones<>+24(SB)/8, $0x0001000100010001
GLOBL ones<>(SB), RODATA|NOPTR, $32

DATA top<>+0(SB)/8, $0x8080808080808080
GLOBL top<>(SB), RODATA|NOPTR, $8

// FOLD adds the upper half of a register to its lower.
#define FOLD(z, y) \
	VEXTRACTI64X4 $1, z, Y8 \
	VPADDD        Y8, y, y

#define VNNI(row, acc) \
	VPXORQ   row, Z30, Z16    \
	VPDPBUSD Z31, Z16, acc

// func boundCodesVNNI(bounds []float32, codes []int8, factors []float32, query []int8, sum int32, c0, c1, c2 float32)
TEXT ·boundCodesVNNI(SB), NOSPLIT, $0-112
	MOVQ bounds_base+0(FP), DI
	MOVQ codes_base+24(FP), SI
	MOVQ factors_base+48(FP), R8
	MOVQ factors_len+56(FP), CX
	MOVQ query_base+72(FP), DX
	MOVQ query_len+80(FP), BX
	VPBROADCASTQ top<>(SB), Z30
	VBROADCASTSS sum+96(FP), Y11
	VPSLLD $7, Y11, Y11
	VBROADCASTSS c0+100(FP), Y12
	VBROADCASTSS c1+104(FP), Y13
	VBROADCASTSS c2+108(FP), Y14
	LEAQ (BX)(BX*2), R9
	SHRQ $3, CX
	JZ   vnnidone

vnnigroup:
	LEAQ   (SI)(BX*4), R10
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	MOVQ   DX, R11
	MOVQ   BX, R12

vnnistep:
	VMOVDQU64 (R11), Z31
	VNNI((SI), Z0)
	VNNI((SI)(BX*1), Z1)
	VNNI((SI)(BX*2), Z2)
	VNNI((SI)(R9*1), Z3)
	VNNI((R10), Z4)
	VNNI((R10)(BX*1), Z5)
	VNNI((R10)(BX*2), Z6)
	VNNI((R10)(R9*1), Z7)
	ADDQ      $64, SI
	ADDQ      $64, R10
	ADDQ      $64, R11
	SUBQ      $64, R12
	JNZ       vnnistep

	FOLD(Z0, Y0)
	FOLD(Z1, Y1)
	FOLD(Z2, Y2)
	FOLD(Z3, Y3)
	FOLD(Z4, Y4)
	FOLD(Z5, Y5)
	FOLD(Z6, Y6)
	FOLD(Z7, Y7)
	REDUCE8
	VPSUBD Y11, Y0, Y0
	BOUND8
	LEAQ   (R10)(R9*1), SI
	DECQ   CX
	JNZ    vnnigroup

vnnidone:
	VZEROUPPER
	RET

// Products of pairs fit int16: |query| is at most 127 and so is a code.
// The query is in Y10, its absolute values in Y9.
#define MADD(row, acc) \
	VMOVDQU    row, Y8      \
	VPSIGNB    Y10, Y8, Y8  \
	VPMADDUBSW Y8, Y9, Y8   \
	VPMADDWD   Y15, Y8, Y8  \
	VPADDD     Y8, acc, acc

// func boundCodesAVX2(bounds []float32, codes []int8, factors []float32, query []int8, sum int32, c0, c1, c2 float32)
TEXT ·boundCodesAVX2(SB), NOSPLIT, $0-112
	MOVQ bounds_base+0(FP), DI
	MOVQ codes_base+24(FP), SI
	MOVQ factors_base+48(FP), R8
	MOVQ factors_len+56(FP), CX
	MOVQ query_base+72(FP), DX
	MOVQ query_len+80(FP), BX
	VBROADCASTSS c0+100(FP), Y12
	VBROADCASTSS c1+104(FP), Y13
	VBROADCASTSS c2+108(FP), Y14
	VMOVDQU ones<>(SB), Y15
	LEAQ (BX)(BX*2), R9
	SHRQ $3, CX
	JZ   avx2done

avx2group:
	LEAQ  (SI)(BX*4), R10
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	MOVQ  DX, R11
	MOVQ  BX, R12

avx2step:
	VMOVDQU (R11), Y10
	VPABSB  Y10, Y9
	MADD((SI), Y0)
	MADD((SI)(BX*1), Y1)
	MADD((SI)(BX*2), Y2)
	MADD((SI)(R9*1), Y3)
	MADD((R10), Y4)
	MADD((R10)(BX*1), Y5)
	MADD((R10)(BX*2), Y6)
	MADD((R10)(R9*1), Y7)
	ADDQ    $32, SI
	ADDQ    $32, R10
	ADDQ    $32, R11
	SUBQ    $32, R12
	JNZ     avx2step

	REDUCE8
	BOUND8
	LEAQ (R10)(R9*1), SI
	DECQ CX
	JNZ  avx2group

avx2done:
	VZEROUPPER
	RET

// AHEAD fetches the first lines of the row that is four further, if there is one.
// What follows them, the processor fetches by itself.
#define AHEAD \
	CMPQ        CX, $4       \
	JLE         8(PC)        \
	MOVWQZX     8(R9), R13   \
	IMULQ       BX, R13      \
	ADDQ        R8, R13      \
	PREFETCHT0  (R13)        \
	PREFETCHT0  64(R13)      \
	PREFETCHT0  128(R13)     \
	PREFETCHT0  192(R13)

// SUM writes the sum of the eight int32 in Y0.
#define SUM \
	VEXTRACTI128 $1, Y0, X1     \
	VPADDD       X1, X0, X0     \
	VPSHUFD      $0x4e, X0, X1  \
	VPADDD       X1, X0, X0     \
	VPSHUFD      $0xb1, X0, X1  \
	VPADDD       X1, X0, X0     \
	VMOVD        X0, R13

// func dotRowsAVX2(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)
TEXT ·dotRowsAVX2(SB), NOSPLIT, $0-100
	MOVQ    dots_base+0(FP), DI
	MOVQ    rows_base+24(FP), R9
	MOVQ    rows_len+32(FP), CX
	MOVQ    codes_base+48(FP), R8
	MOVQ    query_base+72(FP), DX
	MOVQ    query_len+80(FP), BX
	VMOVDQU ones<>(SB), Y15
	TESTQ   CX, CX
	JZ      rowsdone

row:
	MOVWQZX (R9), SI
	IMULQ   BX, SI
	ADDQ    R8, SI
	AHEAD
	VPXOR   Y0, Y0, Y0
	VPXOR   Y1, Y1, Y1
	MOVQ    DX, R11
	MOVQ    BX, R12

rowstep:
	VMOVDQU (R11), Y10
	VPABSB  Y10, Y9
	MADD((SI), Y0)
	VMOVDQU 32(R11), Y10
	VPABSB  Y10, Y9
	MADD(32(SI), Y1)
	ADDQ    $64, SI
	ADDQ    $64, R11
	SUBQ    $64, R12
	JNZ     rowstep

	VPADDD Y1, Y0, Y0
	SUM
	MOVL   R13, (DI)
	ADDQ   $4, DI
	ADDQ   $2, R9
	DECQ   CX
	JNZ    row

rowsdone:
	VZEROUPPER
	RET

// func dotRowsVNNI(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)
TEXT ·dotRowsVNNI(SB), NOSPLIT, $0-100
	MOVQ         dots_base+0(FP), DI
	MOVQ         rows_base+24(FP), R9
	MOVQ         rows_len+32(FP), CX
	MOVQ         codes_base+48(FP), R8
	MOVQ         query_base+72(FP), DX
	MOVQ         query_len+80(FP), BX
	MOVL         sum+96(FP), R10
	SHLL         $7, R10
	VPBROADCASTQ top<>(SB), Z30
	TESTQ        CX, CX
	JZ           vnnirowsdone

vnnirow:
	MOVWQZX (R9), SI
	IMULQ   BX, SI
	ADDQ    R8, SI
	AHEAD
	VPXORQ  Z0, Z0, Z0
	MOVQ    DX, R11
	MOVQ    BX, R12

vnnirowstep:
	VMOVDQU64 (R11), Z31
	VNNI((SI), Z0)
	ADDQ      $64, SI
	ADDQ      $64, R11
	SUBQ      $64, R12
	JNZ       vnnirowstep

	FOLD(Z0, Y0)
	SUM
	SUBL R10, R13
	MOVL R13, (DI)
	ADDQ $4, DI
	ADDQ $2, R9
	DECQ CX
	JNZ  vnnirow

vnnirowsdone:
	VZEROUPPER
	RET

#define PLANE(plane, acc) \
	VPXORQ   plane, Z16, Z17 \
	VPOPCNTQ Z17, Z17        \
	VPADDQ   Z17, acc, acc

// SIGNS adds the differing bits of eight vectors' words to the sums of the planes.
#define SIGNS(at, acc0, acc1, acc2) \
	VMOVDQU64 at, Z16 \
	PLANE(Z18, acc0)  \
	PLANE(Z19, acc1)  \
	PLANE(Z15, acc2)

#define SIGNS8(acc0, acc1, acc2) \
	VPSLLQ  $2, acc2, acc2    \
	VPSLLQ  $1, acc1, acc1    \
	VPADDQ  acc1, acc0, acc0  \
	VPADDQ  acc2, acc0, acc0  \
	VPMOVQD acc0, Y0          \
	BOUND8

// What is 2 KiB further is fetched here: by itself the processor stops at the end of
// each page, and mapped pages are small.
//
// func boundSignsAVX512(bounds []float32, signs []uint64, factors []float32, planes []uint64, c0, c1, c2 float32)
TEXT ·boundSignsAVX512(SB), NOSPLIT, $0-108
	MOVQ bounds_base+0(FP), DI
	MOVQ signs_base+24(FP), SI
	MOVQ factors_base+48(FP), R8
	MOVQ factors_len+56(FP), CX
	MOVQ planes_base+72(FP), DX
	MOVQ planes_len+80(FP), BX
	VBROADCASTSS c0+96(FP), Y12
	VBROADCASTSS c1+100(FP), Y13
	VBROADCASTSS c2+104(FP), Y14
	LEAQ (DX)(BX*8), R12
	SHRQ $5, CX
	JZ   signsdone

signsgroup:
	VPXORQ Z20, Z20, Z20
	VPXORQ Z21, Z21, Z21
	VPXORQ Z22, Z22, Z22
	VPXORQ Z23, Z23, Z23
	VPXORQ Z24, Z24, Z24
	VPXORQ Z25, Z25, Z25
	VPXORQ Z26, Z26, Z26
	VPXORQ Z27, Z27, Z27
	VPXORQ Z28, Z28, Z28
	VPXORQ Z29, Z29, Z29
	VPXORQ Z30, Z30, Z30
	VPXORQ Z31, Z31, Z31
	MOVQ   DX, R11

signsstep:
	VPBROADCASTQ (R11), Z18
	VPBROADCASTQ 8(R11), Z19
	VPBROADCASTQ 16(R11), Z15
	PREFETCHT0   2048(SI)
	PREFETCHT0   2112(SI)
	PREFETCHT0   2176(SI)
	PREFETCHT0   2240(SI)
	SIGNS((SI), Z20, Z21, Z22)
	SIGNS(64(SI), Z23, Z24, Z25)
	SIGNS(128(SI), Z26, Z27, Z28)
	SIGNS(192(SI), Z29, Z30, Z31)
	ADDQ $256, SI
	ADDQ $24, R11
	CMPQ R11, R12
	JNE  signsstep

	SIGNS8(Z20, Z21, Z22)
	SIGNS8(Z23, Z24, Z25)
	SIGNS8(Z26, Z27, Z28)
	SIGNS8(Z29, Z30, Z31)
	DECQ CX
	JNZ  signsgroup

signsdone:
	VZEROUPPER
	RET

// func aboveAVX512(mask []uint64, bounds []float32, floor float32)
TEXT ·aboveAVX512(SB), NOSPLIT, $0-52
	MOVQ mask_base+0(FP), DI
	MOVQ bounds_base+24(FP), SI
	MOVQ bounds_len+32(FP), CX
	VBROADCASTSS floor+48(FP), Z0
	SHRQ $5, CX
	JZ   abovedone

aboveloop:
	VMOVUPS (SI), Z1
	VMOVUPS 64(SI), Z2
	VCMPPS  $0x1d, Z0, Z1, K1
	VCMPPS  $0x1d, Z0, Z2, K2
	KMOVW   K1, AX
	KMOVW   K2, BX
	SHLL    $16, BX
	ORL     BX, AX
	MOVL    AX, (DI)
	ADDQ    $128, SI
	ADDQ    $4, DI
	DECQ    CX
	JNZ     aboveloop

abovedone:
	VZEROUPPER
	RET

// func fetch(half []uint16)
TEXT ·fetch(SB), NOSPLIT, $0-24
	MOVQ half_base+0(FP), SI
	MOVQ half_len+8(FP), CX
	SHRQ $5, CX
	JZ   fetched

fetchline:
	PREFETCHT0 (SI)
	ADDQ       $64, SI
	DECQ       CX
	JNZ        fetchline

fetched:
	RET

#define HALVES(at, qat, acc) \
	VCVTPH2PS at, Y4          \
	VMULPS    qat, Y4, Y4     \
	VADDPS    Y4, acc, acc

// func dotHalfF16C(half []uint16, query []float32) float32
TEXT ·dotHalfF16C(SB), NOSPLIT, $0-52
	MOVQ   half_base+0(FP), SI
	MOVQ   query_base+24(FP), DX
	MOVQ   query_len+32(FP), BX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

halfstep:
	HALVES((SI), (DX), Y0)
	HALVES(16(SI), 32(DX), Y1)
	HALVES(32(SI), 64(DX), Y2)
	HALVES(48(SI), 96(DX), Y3)
	ADDQ $64, SI
	ADDQ $128, DX
	SUBQ $32, BX
	JNZ  halfstep

	VADDPS       Y1, Y0, Y0
	VADDPS       Y3, Y2, Y2
	VADDPS       Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VMOVHLPS     X0, X0, X1
	VADDPS       X1, X0, X0
	VMOVSHDUP    X0, X1
	VADDSS       X1, X0, X0
	VMOVSS       X0, ret+48(FP)
	VZEROUPPER
	RET
