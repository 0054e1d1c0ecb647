/** Directions in which a cell's lines leave it. */
const UP = 1;
const RIGHT = 2;
const DOWN = 4;
const LEFT = 8;

/** The box-drawing character for every set of directions. */
const LINES = ' ╵╶└╷│┌├╴┘─┴┐┤┬┼';

/** A grid of lines that join where they meet, and of letters on top. */
export class Canvas {
  private readonly lines: Uint8Array;
  private readonly letters = new Map<number, string>();

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.lines = new Uint8Array(width * height);
  }

  /** A line along a row, both ends included. */
  horizontal(row: number, from: number, to: number): void {
    for (let column = from; column <= to; column++) {
      if (column > from) this.join(row, column, LEFT);
      if (column < to) this.join(row, column, RIGHT);
    }
  }

  vertical(column: number, from: number, to: number): void {
    for (let row = from; row <= to; row++) {
      if (row > from) this.join(row, column, UP);
      if (row < to) this.join(row, column, DOWN);
    }
  }

  rectangle(top: number, left: number, bottom: number, right: number): void {
    this.horizontal(top, left, right);
    this.horizontal(bottom, left, right);
    this.vertical(left, top, bottom);
    this.vertical(right, top, bottom);
  }

  /** Takes the line out between two cells of a row, which keep their outer ends. */
  cut(row: number, from: number, to: number): void {
    const start = row * this.width;
    this.lines[start + from] &= ~RIGHT;
    this.lines.fill(0, start + from + 1, start + to);
    this.lines[start + to] &= ~LEFT;
  }

  text(row: number, column: number, text: string): void {
    for (const [k, letter] of [...text].entries()) this.letters.set(row * this.width + column + k, letter);
  }

  /** Rows without the blanks at their ends. */
  toRows(): string[] {
    return Array.from({ length: this.height }, (_, row) => {
      const cells = Array.from({ length: this.width }, (_, column) => {
        const place = row * this.width + column;
        return this.letters.get(place) ?? LINES[this.lines[place]];
      });
      return cells.join('').trimEnd();
    });
  }

  private join(row: number, column: number, direction: number): void {
    this.lines[row * this.width + column] |= direction;
  }
}
