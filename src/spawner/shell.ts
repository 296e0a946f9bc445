/** The shell of what we start ourselves: where that is not bash it starts in half the time. */
export const SHELL = '/bin/sh';

/** A word as a shell takes it, whatever is in it. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A command line as a shell takes it. */
export const shellWords = (words: readonly string[]): string => words.map(shellWord).join(' ');
