#include "textflag.h"

// A byte's class is low[its low half] AND high[its high half], a bit per class: letters
// of 4x and 6x, letters of 5x and 7x, digits, line ends, blanks, other white space,
// apostrophes. A byte that is not ASCII has none.
DATA low<>+0(SB)/8, $0xE2E0E0E0E0E0E068
DATA low<>+8(SB)/8, $0x8080908484D0E4E0
DATA low<>+16(SB)/8, $0xE2E0E0E0E0E0E068
DATA low<>+24(SB)/8, $0x8080908484D0E4E0
GLOBL low<>(SB), RODATA|NOPTR, $32

DATA high<>+0(SB)/8, $0x40804080200A0014
DATA high<>+8(SB)/8, $0
DATA high<>+16(SB)/8, $0x40804080200A0014
DATA high<>+24(SB)/8, $0
GLOBL high<>(SB), RODATA|NOPTR, $32

DATA half<>+0(SB)/8, $0x0F0F0F0F0F0F0F0F
DATA half<>+8(SB)/8, $0x0F0F0F0F0F0F0F0F
DATA half<>+16(SB)/8, $0x0F0F0F0F0F0F0F0F
DATA half<>+24(SB)/8, $0x0F0F0F0F0F0F0F0F
GLOBL half<>(SB), RODATA|NOPTR, $32

// MASK gathers the top bits of the classes in AX, and brings the next class to the top.
#define MASK \
	VPMOVMSKB Y0, AX  \
	VPMOVMSKB Y1, BX  \
	VPADDB    Y0, Y0, Y0 \
	VPADDB    Y1, Y1, Y1 \
	SHLQ      $32, BX \
	ORQ       BX, AX

// func classifyAVX2(p *byte, w *window)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-16
	MOVQ      p+0(FP), SI
	MOVQ      w+8(FP), DI
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	VMOVDQU   low<>(SB), Y2
	VMOVDQU   high<>(SB), Y3
	VMOVDQU   half<>(SB), Y4
	VPMOVMSKB Y0, AX
	VPMOVMSKB Y1, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, 48(DI)
	VPSHUFB   Y0, Y2, Y5
	VPSHUFB   Y1, Y2, Y6
	VPSRLW    $4, Y0, Y0
	VPSRLW    $4, Y1, Y1
	VPAND     Y4, Y0, Y0
	VPAND     Y4, Y1, Y1
	VPSHUFB   Y0, Y3, Y0
	VPSHUFB   Y1, Y3, Y1
	VPAND     Y5, Y0, Y0
	VPAND     Y6, Y1, Y1
	MASK
	MOVQ      AX, CX
	MASK
	ORQ       CX, AX
	MOVQ      AX, 0(DI)
	MASK
	MOVQ      AX, 8(DI)
	MASK
	MOVQ      AX, 16(DI)
	MASK
	MOVQ      AX, 24(DI)
	MASK
	MOVQ      AX, 32(DI)
	MASK
	MOVQ      AX, 40(DI)
	VZEROUPPER
	RET
