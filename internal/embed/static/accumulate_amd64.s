#include "textflag.h"

// EIGHT adds eight values of the row at AX, times the weight in Y8. No fused multiply-add:
// the plain twin rounds in between.
#define EIGHT(at, sum, t) \
	VPMOVSXBD at(AX), t    \
	VCVTDQ2PS t, t         \
	VMULPS    Y8, t, t     \
	VADDPS    t, sum, sum

// func accumulateAVX2(sum *float32, length int, codes *byte, offsets *uint32, weights *float32, n int)
//
// Goes over all rows once for each block of 64 values, whose sums stay in registers.
TEXT ·accumulateAVX2(SB), NOSPLIT, $0-48
	MOVQ sum+0(FP), DI
	MOVQ length+8(FP), R8
	MOVQ codes+16(FP), SI
	MOVQ offsets+24(FP), R9
	MOVQ weights+32(FP), R10
	MOVQ n+40(FP), R11

nextBlock:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	XORQ   CX, CX

nextRow:
	MOVL         (R9)(CX*4), AX
	ADDQ         SI, AX
	VBROADCASTSS (R10)(CX*4), Y8
	EIGHT(0, Y0, Y9)
	EIGHT(8, Y1, Y10)
	EIGHT(16, Y2, Y11)
	EIGHT(24, Y3, Y12)
	EIGHT(32, Y4, Y9)
	EIGHT(40, Y5, Y10)
	EIGHT(48, Y6, Y11)
	EIGHT(56, Y7, Y12)
	INCQ         CX
	CMPQ         CX, R11
	JLT          nextRow

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	ADDQ    $64, SI
	ADDQ    $256, DI
	SUBQ    $64, R8
	JGT     nextBlock
	VZEROUPPER
	RET
