/** Places in source files that a failure's text names, whatever the language. */

export interface Frame {
  /** As written: absolute, relative, a file:// URL, or for Java the path that the class implies. */
  path: string;
  line: number;
}

/** Longer lines are no stack frames; what is behind this is not looked at. */
const LINE_LENGTH = 400;

/** The frames in the order of the text, each line's first. */
export function framesOf(text: string): Frame[] {
  const frames: Frame[] = [];
  for (const whole of text.split('\n')) {
    const frame = frameOf(whole.slice(0, LINE_LENGTH));
    if (frame) frames.push(frame);
  }
  return frames;
}

function frameOf(line: string): Frame | null {
  if (!/\d/.test(line)) return null;
  for (const read of READERS) {
    const frame = read(line);
    if (frame && frame.line > 0 && frame.line < 1e7) return frame;
  }
  return null;
}

const READERS: ((line: string) => Frame | null)[] = [
  // Java: at app//com.example.shop.CalcTest$Inner.adds(CalcTest.java:12)
  (line) => {
    const match =
      /\bat (?:[\w.@-]*\/){0,2}([\w.$]+)\.[\w$<>]+\(([\w$-]+\.(?:java|kt|scala|groovy)):(\d+)\)/.exec(line);
    if (!match) return null;
    const packages = (match[1] ?? '').split('.').slice(0, -1);
    return { path: [...packages, match[2]].join('/'), line: Number(match[3]) };
  },
  // Python: File "/workspace/tests/test_calc.py", line 12, in test_adds
  (line) => matched(/File "([^"]+)", line (\d+)/.exec(line)),
  // C#: at Shop.CalcTests.Adds() in /workspace/CalcTests.cs:line 12
  (line) => matched(/ in ([^:]+|[A-Z]:[^:]+):line (\d+)/.exec(line)),
  // Perl: at t/calc.t line 3.
  (line) => matched(/\bat (\S+) line (\d+)\./.exec(line)),
  // bats: (in test file test/calc.bats, line 5)
  (line) => matched(/in test file ([^,]+), line (\d+)\)/.exec(line)),
  // Node: at adds (file:///work space/calc.test.mjs:10:12)
  (line) => matched(/\(((?:file:\/\/)?[^():]+):(\d+):\d+\)/.exec(line)),
  // Everything else: src/lib.rs:12:5, tests/test_calc.py:12: AssertionError, ./spec/calc_spec.rb:9:in `block'
  (line) => {
    for (const word of line.split(/[\s()[\]"'`<>|=,;]+/)) {
      const frame = matched(/^((?:file:\/\/)?(?:[A-Za-z]:)?[^:]*[^:/]\.[A-Za-z]\w{0,7}):(\d+)/.exec(word));
      if (frame) return frame;
    }
    return null;
  },
];

function matched(match: RegExpExecArray | null): Frame | null {
  return match ? { path: match[1] ?? '', line: Number(match[2]) } : null;
}
