/**
 * A seccomp program that takes the kernel's keys away. They know no namespace: a script would hold the session
 * keyring that this process was started with (Kerberos tickets, keys of file systems), read it, and leave keys there.
 */
const ALLOW = 0x7fff0000;
/** As of a kernel without keys. */
const ENOSYS = 0x00050000 | 38;
const LOAD = 0x20;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
/** Where the kernel says which system call it is, and in which of its tables. */
const CALL = 0;
const TABLE = 4;
/** Marks x32's calls, which have the numbers of x86-64. */
const WITHOUT_X32 = 0xbfffffff;

/** add_key, request_key and keyctl in every table that a machine has (linux/audit.h, asm/unistd.h). */
const TABLES: Partial<Record<string, [table: number, calls: number[]][]>> = {
  x64: [
    [0xc000003e, [248, 249, 250]],
    [0x40000003, [286, 287, 288]],
  ],
  arm64: [
    [0xc00000b7, [217, 218, 219]],
    [0x40000028, [309, 310, 311]],
  ],
};

type Instruction = [code: number, ifTrue: number, ifFalse: number, value: number];

/** What bubblewrap's `--seccomp` takes, or null on a machine whose numbers are not known here. */
export function keyringFilter(arch: string = process.arch): Buffer | null {
  const tables = TABLES[arch];
  if (!tables) return null;
  const program: Instruction[] = [[LOAD, 0, 0, TABLE]];
  for (const [table, calls] of tables) {
    program.push([JUMP_IF_EQUAL, 0, calls.length + 4, table], [LOAD, 0, 0, CALL], [AND, 0, 0, WITHOUT_X32]);
    calls.forEach((call, n) => program.push([JUMP_IF_EQUAL, calls.length - n, 0, call]));
    program.push([RETURN, 0, 0, ALLOW], [RETURN, 0, 0, ENOSYS]);
  }
  program.push([RETURN, 0, 0, ALLOW]);

  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, value], n) => {
    bytes.writeUInt16LE(code, n * 8);
    bytes.writeUInt8(ifTrue, n * 8 + 2);
    bytes.writeUInt8(ifFalse, n * 8 + 3);
    bytes.writeUInt32LE(value, n * 8 + 4);
  });
  return bytes;
}
