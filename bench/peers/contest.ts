import { type Spread, spreadOf, type Turn, takeTurns } from '../turns.js';

export type Precision = 'float32' | 'float64';

export interface Contender {
  turn: Turn;
  precision: Precision;
}

/** How one contender did. */
export interface Entry {
  name: string;
  precision: Precision;
  milliseconds: Spread;
  /** How many times as long as ours of the same precision, round by round; not for our own entries. */
  ratio?: Spread;
}

/** One of the things that must hold, measured. */
export interface Claim {
  work: string;
  /** What the measured figure compares ours with. */
  against: string;
  measured: Spread;
  /** The measured median is to be at least, or at most, so much. */
  atLeast?: number;
  atMost?: number;
  unit: 'x' | '%' | 'GiB';
}

/** One job done by several contenders in turns: a section of the result page. */
export interface ContestResult {
  job: string;
  title: string;
  rounds: number;
  entries: Entry[];
  /** Of a contest over sizes: our rate at each number of samples or qubits. */
  curve?: { at: number; gflops: Spread }[];
  claims: Claim[];
  notes: string[];
}

/** The turns' medians of every contender, round by round. */
export class Contest {
  private constructor(
    readonly rounds: number,
    private readonly contenders: Record<string, Contender>,
    private readonly times: Record<string, number[]>,
  ) {}

  /** Gives all contenders one turn in each round. */
  static async hold(contenders: Record<string, Contender>, rounds: number): Promise<Contest> {
    const turns = Object.fromEntries(Object.entries(contenders).map(([name, { turn }]) => [name, turn]));
    const times = await takeTurns(turns, rounds);
    return new Contest(rounds, contenders, times);
  }

  milliseconds(name: string): Spread {
    return spreadOf(this.times[name]!);
  }

  /** Any figure made of several contenders' times, computed round by round: what disturbs a round disturbs both sides. */
  figure(names: readonly string[], of: (...times: number[]) => number): Spread {
    return spreadOf(
      Array.from({ length: this.rounds }, (_, round) => of(...names.map((name) => this.times[name]![round]!))),
    );
  }

  /** How many times as long as `ours` it took. */
  ratio(name: string, ours: string): Spread {
    return this.figure([name, ours], (theirs, own) => theirs / own);
  }

  /** The fastest of those that match. */
  fastest(names: readonly string[]): string {
    return names.reduce((a, b) => (this.milliseconds(b).median < this.milliseconds(a).median ? b : a));
  }

  names(matches: (name: string, precision: Precision) => boolean): string[] {
    return Object.entries(this.contenders)
      .filter(([name, { precision }]) => matches(name, precision))
      .map(([name]) => name);
  }

  /** All but those to leave out, peers with their ratio to ours of the same precision. */
  entries(ours: Partial<Record<Precision, string>>, leaveOut: readonly string[] = []): Entry[] {
    return Object.entries(this.contenders)
      .filter(([name]) => !leaveOut.includes(name))
      .map(([name, { precision }]) => {
        const own = ours[precision];
        const entry: Entry = { name, precision, milliseconds: this.milliseconds(name) };
        if (own !== undefined && !isOurs(name)) entry.ratio = this.ratio(name, own);
        return entry;
      });
  }
}

/** Our contenders are those whose name starts so. */
export function isOurs(name: string): boolean {
  return name.startsWith('qrkd');
}

export function holds({ measured, atLeast, atMost }: Claim): boolean {
  return measured.median >= (atLeast ?? -Infinity) && measured.median <= (atMost ?? Infinity);
}
