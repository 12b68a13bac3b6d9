export function which(name: string): string | null;
export function postgresBin(): string | null;
export function installPackages(names: readonly string[], say: (line: string) => void): Record<string, string>;
