import { describe, expect, it } from '@jest/globals';
import { keyringFilter } from '../../../src/sandbox/keyring-filter.js';

const [X64, I386, ARM64, ARM] = [0xc000003e, 0x40000003, 0xc00000b7, 0x40000028];
const X32 = 0x40000000;

/** What the kernel makes of a system call: the few instructions that the filter has, as linux/filter.h has them. */
function verdict(program: Buffer, table: number, call: number): string {
  let register = 0;
  for (let at = 0; at < program.length; at += 8) {
    const value = program.readUInt32LE(at + 4);
    switch (program.readUInt16LE(at)) {
      case 0x20:
        register = value === 0 ? call : table;
        break;
      case 0x54:
        register = (register & value) >>> 0;
        break;
      case 0x15:
        at += 8 * program.readUInt8(at + (register === value ? 2 : 3));
        break;
      case 0x06:
        return { 0x7fff0000: 'allowed', 0x50026: 'not implemented' }[value] ?? String(value);
      default:
        throw new Error(`An instruction that is not known: ${program.readUInt16LE(at)}`);
    }
  }
  throw new Error('It does not end.');
}

describe('the filter of key system calls', () => {
  it.each<[string, number, number[]]>([
    ['x64', X64, [248, 249, 250]],
    ['x64', I386, [286, 287, 288]],
    ['arm64', ARM64, [217, 218, 219]],
    ['arm64', ARM, [309, 310, 311]],
  ])('on %s takes those of table %d away, and nothing else', (arch, table, calls) => {
    const program = keyringFilter(arch)!;
    for (let call = 0; call < 500; call++)
      expect([call, verdict(program, table, call)]).toEqual([
        call,
        calls.includes(call) ? 'not implemented' : 'allowed',
      ]);
  });

  it('takes them away also by the name that x32 has for them', () => {
    expect(verdict(keyringFilter('x64')!, X64, X32 | 250)).toBe('not implemented');
    expect(verdict(keyringFilter('x64')!, X64, X32 | 1)).toBe('allowed');
  });

  it('leaves tables that it does not know alone, and is none on other machines', () => {
    expect(verdict(keyringFilter('x64')!, 0x1234, 250)).toBe('allowed');
    expect(keyringFilter('riscv64')).toBeNull();
  });
});
