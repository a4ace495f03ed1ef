// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a linker does at each kind of relocation: the arithmetic of every machine, as tables.

use object::elf::*;

/// Sections that instructions reach by 16 bits from the middle of all (POWER).
pub const CONTENTS: &str = ".toc";
/// Their middle, from where they begin.
pub const CONTENTS_BIAS: u64 = 0x8000;

/// What a relocation puts into its field; S symbol, A addend, P place, G its slot
/// in the table of addresses (GOT).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// S + A.
    Address,
    /// S + A - P.
    Distance,
    /// S + A - P of a call that says whether the other instruction set is meant (Arm).
    Call,
    /// S + A - P of a jump that cannot say so.
    Jump,
    /// Page of S + A - page of P; pages have 4 KB.
    Pages,
    /// G + A.
    Slot,
    /// G + A - P.
    SlotDistance,
    /// Page of G + A - page of P.
    SlotPages,
    /// The table itself: GOT + A - P.
    TableDistance,
    /// S + A - GOT.
    FromTable,
    /// G + A - GOT.
    SlotFromTable,
    /// S + A - TOC, what a register holds for all of the code (POWER).
    FromContents,
    /// What the relocation at the label S put there, of which this is the low part.
    LowOf,
    /// Like `SlotDistance`, but what the slot holds is an offset of thread-local storage.
    Thread,
    /// Nothing that matters here: offsets within thread-local storage, advice to the linker.
    Nothing,
}

/// Bits of the value, from the first on, so many, to that bit of the field.
type Piece = (u8, u8, u8);

/// Where the value goes: bytes of the field, its pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    pub bytes: u8,
    pub pieces: &'static [Piece],
    /// The low part is signed: the high one, from this bit on, is rounded.
    pub split: Option<u8>,
    /// Made of halves of two bytes, the first of them the high one (Thumb).
    pub halves: bool,
    /// Two bits of the value are turned round by its sign (Thumb's branches).
    pub turns: bool,
}

/// A kind of relocation.
pub struct Patch {
    pub kind: u32,
    pub what: What,
    pub field: Field,
}

const fn field(bytes: u8, pieces: &'static [Piece]) -> Field {
    Field {
        bytes,
        pieces,
        split: None,
        halves: false,
        turns: false,
    }
}

const fn split(bytes: u8, bit: u8, pieces: &'static [Piece]) -> Field {
    Field {
        split: Some(bit),
        ..field(bytes, pieces)
    }
}

const fn patch(kind: u32, what: What, field: Field) -> Patch {
    Patch { kind, what, field }
}

const NONE: Field = field(0, &[]);
const BYTE: Field = field(1, &[(0, 8, 0)]);
const HALF: Field = field(2, &[(0, 16, 0)]);
const WORD: Field = field(4, &[(0, 32, 0)]);
const LONG: Field = field(8, &[(0, 64, 0)]);

use What::*;

const X86_64: &[Patch] = &[
    patch(R_X86_64_NONE, Nothing, NONE),
    patch(R_X86_64_64, Address, LONG),
    patch(R_X86_64_32, Address, WORD),
    patch(R_X86_64_32S, Address, WORD),
    patch(R_X86_64_16, Address, HALF),
    patch(R_X86_64_8, Address, BYTE),
    patch(R_X86_64_PC64, Distance, LONG),
    patch(R_X86_64_PC32, Distance, WORD),
    patch(R_X86_64_PLT32, Distance, WORD),
    patch(R_X86_64_GOTPCREL, SlotDistance, WORD),
    patch(R_X86_64_GOTPCRELX, SlotDistance, WORD),
    patch(R_X86_64_REX_GOTPCRELX, SlotDistance, WORD),
    patch(R_X86_64_GOTPC32, TableDistance, WORD),
    patch(R_X86_64_GOTOFF64, FromTable, LONG),
    patch(R_X86_64_GOTTPOFF, Thread, WORD),
    patch(R_X86_64_TLSGD, Thread, WORD),
    patch(R_X86_64_TLSLD, Thread, WORD),
    patch(R_X86_64_GOTPC32_TLSDESC, Thread, WORD),
    patch(R_X86_64_TLSDESC_CALL, Nothing, NONE),
    patch(R_X86_64_TPOFF32, Nothing, NONE),
    patch(R_X86_64_TPOFF64, Nothing, NONE),
    patch(R_X86_64_DTPOFF32, Nothing, NONE),
    patch(R_X86_64_DTPOFF64, Nothing, NONE),
];

const X86: &[Patch] = &[
    patch(R_386_NONE, Nothing, NONE),
    patch(R_386_32, Address, WORD),
    patch(R_386_16, Address, HALF),
    patch(R_386_8, Address, BYTE),
    patch(R_386_PC32, Distance, WORD),
    patch(R_386_PLT32, Distance, WORD),
    patch(R_386_GOT32, SlotFromTable, WORD),
    patch(R_386_GOT32X, SlotFromTable, WORD),
    patch(R_386_GOTOFF, FromTable, WORD),
    patch(R_386_GOTPC, TableDistance, WORD),
    patch(R_386_TLS_GD, Nothing, NONE),
    patch(R_386_TLS_LDM, Nothing, NONE),
    patch(R_386_TLS_IE, Nothing, NONE),
    patch(R_386_TLS_GOTIE, Nothing, NONE),
    patch(R_386_TLS_LE, Nothing, NONE),
    patch(R_386_TLS_LE_32, Nothing, NONE),
    patch(R_386_TLS_LDO_32, Nothing, NONE),
];

const BRANCH_26: Field = field(4, &[(2, 26, 0)]);
const BRANCH_19: Field = field(4, &[(2, 19, 5)]);
const ADR: Field = field(4, &[(0, 2, 29), (2, 19, 5)]);
const ADRP: Field = field(4, &[(12, 2, 29), (14, 19, 5)]);

const AARCH64: &[Patch] = &[
    patch(R_AARCH64_NONE, Nothing, NONE),
    patch(R_AARCH64_ABS64, Address, LONG),
    patch(R_AARCH64_ABS32, Address, WORD),
    patch(R_AARCH64_PREL64, Distance, LONG),
    patch(R_AARCH64_PREL32, Distance, WORD),
    patch(R_AARCH64_CALL26, Distance, BRANCH_26),
    patch(R_AARCH64_JUMP26, Distance, BRANCH_26),
    patch(R_AARCH64_CONDBR19, Distance, BRANCH_19),
    patch(R_AARCH64_TSTBR14, Distance, field(4, &[(2, 14, 5)])),
    patch(R_AARCH64_LD_PREL_LO19, Distance, BRANCH_19),
    patch(R_AARCH64_ADR_PREL_LO21, Distance, ADR),
    patch(R_AARCH64_ADR_PREL_PG_HI21, Pages, ADRP),
    patch(R_AARCH64_ADR_PREL_PG_HI21_NC, Pages, ADRP),
    patch(R_AARCH64_ADD_ABS_LO12_NC, Address, field(4, &[(0, 12, 10)])),
    patch(
        R_AARCH64_LDST8_ABS_LO12_NC,
        Address,
        field(4, &[(0, 12, 10)]),
    ),
    patch(
        R_AARCH64_LDST16_ABS_LO12_NC,
        Address,
        field(4, &[(1, 11, 10)]),
    ),
    patch(
        R_AARCH64_LDST32_ABS_LO12_NC,
        Address,
        field(4, &[(2, 10, 10)]),
    ),
    patch(
        R_AARCH64_LDST64_ABS_LO12_NC,
        Address,
        field(4, &[(3, 9, 10)]),
    ),
    patch(
        R_AARCH64_LDST128_ABS_LO12_NC,
        Address,
        field(4, &[(4, 8, 10)]),
    ),
    patch(R_AARCH64_ADR_GOT_PAGE, SlotPages, ADRP),
    patch(R_AARCH64_LD64_GOT_LO12_NC, Slot, field(4, &[(3, 9, 10)])),
    patch(R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21, Nothing, NONE),
    patch(R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, Nothing, NONE),
    patch(R_AARCH64_TLSLE_ADD_TPREL_HI12, Nothing, NONE),
    patch(R_AARCH64_TLSLE_ADD_TPREL_LO12, Nothing, NONE),
    patch(R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, Nothing, NONE),
    patch(R_AARCH64_TLSDESC_ADR_PAGE21, Nothing, NONE),
    patch(R_AARCH64_TLSDESC_LD64_LO12, Nothing, NONE),
    patch(R_AARCH64_TLSDESC_ADD_LO12, Nothing, NONE),
    patch(R_AARCH64_TLSDESC_CALL, Nothing, NONE),
];

const RISCV_U: Field = split(4, 12, &[(12, 20, 12)]);
const RISCV_I: Field = field(4, &[(0, 12, 20)]);
const RISCV_S: Field = field(4, &[(0, 5, 7), (5, 7, 25)]);
const RISCV_B: Field = field(4, &[(11, 1, 7), (1, 4, 8), (5, 6, 25), (12, 1, 31)]);
const RISCV_J: Field = field(4, &[(12, 8, 12), (11, 1, 20), (1, 10, 21), (20, 1, 31)]);
/// `auipc` and the `jalr` after it.
const RISCV_CALL: Field = split(8, 12, &[(12, 20, 12), (0, 12, 52)]);
const RISCV_CB: Field = field(
    2,
    &[(5, 1, 2), (1, 2, 3), (6, 2, 5), (3, 2, 10), (8, 1, 12)],
);
const RISCV_CJ: Field = field(
    2,
    &[
        (5, 1, 2),
        (1, 3, 3),
        (7, 1, 6),
        (6, 1, 7),
        (10, 1, 8),
        (8, 2, 9),
        (4, 1, 11),
        (11, 1, 12),
    ],
);

const RISCV: &[Patch] = &[
    patch(R_RISCV_NONE, Nothing, NONE),
    patch(R_RISCV_64, Address, LONG),
    patch(R_RISCV_32, Address, WORD),
    patch(R_RISCV_32_PCREL, Distance, WORD),
    patch(R_RISCV_CALL, Distance, RISCV_CALL),
    patch(R_RISCV_CALL_PLT, Distance, RISCV_CALL),
    patch(R_RISCV_BRANCH, Distance, RISCV_B),
    patch(R_RISCV_JAL, Distance, RISCV_J),
    patch(R_RISCV_RVC_BRANCH, Distance, RISCV_CB),
    patch(R_RISCV_RVC_JUMP, Distance, RISCV_CJ),
    patch(R_RISCV_PCREL_HI20, Distance, RISCV_U),
    patch(R_RISCV_GOT_HI20, SlotDistance, RISCV_U),
    patch(R_RISCV_TLS_GOT_HI20, Thread, RISCV_U),
    patch(R_RISCV_TLS_GD_HI20, Thread, RISCV_U),
    patch(R_RISCV_PCREL_LO12_I, LowOf, RISCV_I),
    patch(R_RISCV_PCREL_LO12_S, LowOf, RISCV_S),
    patch(R_RISCV_HI20, Address, RISCV_U),
    patch(R_RISCV_LO12_I, Address, RISCV_I),
    patch(R_RISCV_LO12_S, Address, RISCV_S),
    patch(R_RISCV_TPREL_HI20, Nothing, NONE),
    patch(R_RISCV_TPREL_LO12_I, Nothing, NONE),
    patch(R_RISCV_TPREL_LO12_S, Nothing, NONE),
    patch(R_RISCV_TPREL_ADD, Nothing, NONE),
    patch(R_RISCV_RELAX, Nothing, NONE),
    patch(R_RISCV_ALIGN, Nothing, NONE),
];

const S390: &[Patch] = &[
    patch(R_390_NONE, Nothing, NONE),
    patch(R_390_64, Address, LONG),
    patch(R_390_32, Address, WORD),
    patch(R_390_PC32, Distance, WORD),
    patch(R_390_PC64, Distance, LONG),
    patch(R_390_PC16DBL, Distance, field(2, &[(1, 16, 0)])),
    patch(R_390_PLT16DBL, Distance, field(2, &[(1, 16, 0)])),
    patch(R_390_PC32DBL, Distance, field(4, &[(1, 32, 0)])),
    patch(R_390_PLT32DBL, Distance, field(4, &[(1, 32, 0)])),
    patch(R_390_GOTENT, SlotDistance, field(4, &[(1, 32, 0)])),
    patch(R_390_GOTPCDBL, TableDistance, field(4, &[(1, 32, 0)])),
    patch(R_390_TLS_IEENT, Thread, field(4, &[(1, 32, 0)])),
    patch(R_390_TLS_LOAD, Nothing, NONE),
    patch(R_390_TLS_LE64, Nothing, NONE),
    patch(R_390_TLS_GDCALL, Nothing, NONE),
];

const ARM_BRANCH: Field = field(4, &[(2, 24, 0)]);
const ARM_MOV: Field = field(4, &[(0, 12, 0), (12, 4, 16)]);
const ARM_MOV_TOP: Field = field(4, &[(16, 12, 0), (28, 4, 16)]);
const THUMB_MOV: Field = Field {
    halves: true,
    ..field(4, &[(0, 8, 0), (8, 3, 12), (11, 1, 26), (12, 4, 16)])
};
const THUMB_MOV_TOP: Field = Field {
    halves: true,
    ..field(4, &[(16, 8, 0), (24, 3, 12), (27, 1, 26), (28, 4, 16)])
};

const THUMB_BRANCH: Field = Field {
    halves: true,
    turns: true,
    ..field(
        4,
        &[
            (1, 11, 0),
            (22, 1, 11),
            (23, 1, 13),
            (12, 10, 16),
            (24, 1, 26),
        ],
    )
};

const ARM: &[Patch] = &[
    patch(R_ARM_NONE, Nothing, NONE),
    patch(R_ARM_ABS32, Address, WORD),
    patch(R_ARM_TARGET1, Address, WORD),
    patch(R_ARM_REL32, Distance, WORD),
    patch(R_ARM_PREL31, Distance, field(4, &[(0, 31, 0)])),
    patch(R_ARM_PC24, Distance, ARM_BRANCH),
    patch(R_ARM_CALL, Call, ARM_BRANCH),
    patch(R_ARM_JUMP24, Jump, ARM_BRANCH),
    patch(R_ARM_PLT32, Distance, ARM_BRANCH),
    patch(R_ARM_MOVW_ABS_NC, Address, ARM_MOV),
    patch(R_ARM_MOVT_ABS, Address, ARM_MOV_TOP),
    patch(R_ARM_THM_PC22, Call, THUMB_BRANCH),
    patch(R_ARM_THM_JUMP24, Jump, THUMB_BRANCH),
    patch(R_ARM_MOVW_PREL_NC, Distance, ARM_MOV),
    patch(R_ARM_MOVT_PREL, Distance, ARM_MOV_TOP),
    patch(R_ARM_THM_MOVW_PREL_NC, Distance, THUMB_MOV),
    patch(R_ARM_THM_MOVT_PREL, Distance, THUMB_MOV_TOP),
    patch(R_ARM_THM_MOVW_ABS_NC, Address, THUMB_MOV),
    patch(R_ARM_THM_MOVT_ABS, Address, THUMB_MOV_TOP),
    patch(R_ARM_GOT_PREL, SlotDistance, WORD),
    patch(R_ARM_GOT32, SlotFromTable, WORD),
    patch(R_ARM_GOTOFF, FromTable, WORD),
    patch(R_ARM_GOTPC, TableDistance, WORD),
    patch(R_ARM_TLS_IE32, Thread, WORD),
    patch(R_ARM_TLS_GD32, Thread, WORD),
    patch(R_ARM_TLS_LE32, Nothing, NONE),
    patch(R_ARM_TLS_LDO32, Nothing, NONE),
    patch(R_ARM_V4BX, Nothing, NONE),
];

const POWER_HIGH: Field = split(2, 16, &[(16, 16, 0)]);
/// A multiple of four: the other two bits are the instruction's.
const POWER_DS: Field = field(2, &[(2, 14, 2)]);

const POWERPC64LE: &[Patch] = &[
    patch(R_PPC64_NONE, Nothing, NONE),
    patch(R_PPC64_ADDR64, Address, LONG),
    patch(R_PPC64_ADDR32, Address, WORD),
    patch(R_PPC64_REL64, Distance, LONG),
    patch(R_PPC64_REL32, Distance, WORD),
    patch(R_PPC64_REL24, Distance, field(4, &[(2, 24, 2)])),
    patch(R_PPC64_REL14, Distance, field(4, &[(2, 14, 2)])),
    patch(R_PPC64_REL16_HA, Distance, POWER_HIGH),
    patch(R_PPC64_REL16_LO, Distance, HALF),
    patch(R_PPC64_TOC16_HA, FromContents, POWER_HIGH),
    patch(R_PPC64_TOC16_LO, FromContents, HALF),
    patch(R_PPC64_TOC16_LO_DS, FromContents, POWER_DS),
    patch(R_PPC64_TOC16_DS, FromContents, POWER_DS),
    patch(R_PPC64_GOT_TPREL16_HA, Nothing, NONE),
    patch(R_PPC64_GOT_TPREL16_LO_DS, Nothing, NONE),
    patch(R_PPC64_TLS, Nothing, NONE),
    patch(R_PPC64_TPREL16_HA, Nothing, NONE),
    patch(R_PPC64_TPREL16_LO, Nothing, NONE),
];

/// The kinds that a machine has; none if its archives cannot be read.
pub fn patches(machine: u16) -> Option<&'static [Patch]> {
    Some(match machine {
        EM_X86_64 => X86_64,
        EM_386 => X86,
        EM_AARCH64 => AARCH64,
        EM_RISCV => RISCV,
        EM_S390 => S390,
        EM_ARM => ARM,
        EM_PPC64 => POWERPC64LE,
        _ => return None,
    })
}

impl Field {
    /// The value as the field has it, and back: bits 22 and 23 of Thumb's branches are
    /// set where they are equal to the sign.
    pub fn turned(&self, value: u64) -> u64 {
        match self.turns && value >> 24 & 1 == 0 {
            true => value ^ 0b11 << 22,
            false => value,
        }
    }

    /// Puts the value into the unit, which holds the rest of the instruction.
    pub fn insert(&self, unit: u64, value: u64) -> u64 {
        self.pieces.iter().fold(unit, |unit, (from, width, at)| {
            let high = self.split.filter(|bit| from >= bit);
            let value = high.map_or(value, |bit| value.wrapping_add(1 << (bit - 1)));
            let mask = mask(*width);
            unit & !(mask << at) | (value >> from & mask) << at
        })
    }

    /// What stands in the unit: the addend, where relocations carry none.
    pub fn taken(&self, unit: u64) -> i64 {
        let mut value = 0;
        let mut top = 1;
        for (from, width, at) in self.pieces {
            value |= (unit >> at & mask(*width)) << from;
            top = top.max(from + width);
        }
        let bits = 64 - u32::from(top.min(64));
        (value << bits) as i64 >> bits
    }
}

fn mask(width: u8) -> u64 {
    u64::MAX >> (64 - u32::from(width.clamp(1, 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_can_be_taken_out() {
        let machines = [
            EM_X86_64, EM_386, EM_AARCH64, EM_RISCV, EM_S390, EM_ARM, EM_PPC64,
        ];
        for patch in machines.iter().filter_map(|m| patches(*m)).flatten() {
            let mut seen = 0u64;
            for (_, width, at) in patch.field.pieces {
                let bits = mask(*width) << at;
                assert!(u32::from(at + width) <= 8 * u32::from(patch.field.bytes));
                assert_eq!(seen & bits, 0, "pieces of {} overlap", patch.kind);
                seen |= bits;
            }
            assert_eq!(patch.field.insert(u64::MAX, 0) & seen, 0);
            assert_eq!(patch.field.insert(0, u64::MAX) & !seen, 0);
        }
    }

    /// By hand from the manuals: `bl` to the next instruction, `auipc` and `jalr` by -8.
    #[test]
    fn fields_are_where_the_manuals_have_them() {
        assert_eq!(BRANCH_26.insert(0x9400_0000, 4), 0x9400_0001);
        assert_eq!(ARM_BRANCH.taken(0xebff_fffe), -8);
        // bl to itself and to 0x100 behind what it reads as its own address
        assert_eq!(THUMB_BRANCH.taken(0xf7ff_fffe), -4);
        let ahead = THUMB_BRANCH.insert(0xf7ff_fffe, THUMB_BRANCH.turned(0x100));
        assert_eq!(ahead, 0xf000_f880);
        assert_eq!(THUMB_BRANCH.turned(THUMB_BRANCH.taken(ahead) as u64), 0x100);
        assert_eq!(
            RISCV_CALL.insert(0x0000_80e7_0000_0097, 0u64.wrapping_sub(8)),
            0xff80_80e7_0000_0097
        );
        assert_eq!(WORD.taken(0xffff_fffc), -4);
        // addis by what the addi after it takes to -0x8000; ld, whose last bits say ld
        assert_eq!(POWER_HIGH.insert(0, 0x1_8000), 2);
        assert_eq!(HALF.insert(0, 0x1_8000), 0x8000);
        assert_eq!(POWER_DS.insert(0b01, 0x7ff8), 0x7ff9);
    }
}
