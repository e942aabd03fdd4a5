import type { Group } from '../batch/group.ts'
import { detach, type EncodedRow } from '../row/encodedRow.ts'
import type { Permit } from './permit.ts'
import { Queue } from './queue.ts'
import type { ReplicaSet } from './replicaSet.ts'

/** The lane that a line is part of. */
export interface LineOwner {
  /** Adds to the number of waiting rows. A negative number subtracts. */
  waits(rows: number): void
  /** Sends the first group of a line. Resolves when it is settled, with or without success. */
  launch(line: Line, permit: Permit): Promise<void>
  /** A group is settled. */
  landed(): void
  /** Adds to the number of groups of which `on_bad_row` handles a row. A negative number subtracts. */
  aside(groups: number): void
  /** Wakes those who wait for room, if there is room. */
  wake(): void
}

/** The groups of one table for one replica set that wait for their turn. They leave in the order they came. */
export class Line {
  readonly lane: LineOwner
  readonly replicas: ReplicaSet<Line>
  /** Whether the line takes turns in the outbox. Otherwise its replica set has used up its permits. */
  hasTurn = false
  rows = 0
  bytes = 0
  readonly #waiting = new Queue<Group>()

  constructor(lane: LineOwner, replicas: ReplicaSet<Line>) {
    this.lane = lane
    this.replicas = replicas
  }

  /** The group that leaves next. */
  get first(): Group | undefined {
    return this.#waiting.first
  }

  push(group: Group): void {
    this.#waiting.push(group)
    this.replicas.lines.add(this)
    this.rows += group.rows.length
    this.bytes += group.bytes
    if (this.replicas.isApart) detach(group.rows)
  }

  shift(): Group {
    const group = this.#waiting.shift() as Group
    this.rows -= group.rows.length
    this.bytes -= group.bytes
    if (this.first === undefined) this.replicas.lines.delete(this)
    return group
  }

  *waitingRows(): Generator<EncodedRow, void, undefined> {
    for (const { rows } of this.#waiting) yield* rows
  }

  /** Drops waiting groups. */
  clear(): void {
    this.#waiting.clear()
    this.replicas.lines.delete(this)
    this.rows = 0
    this.bytes = 0
  }

  /** Moves rows that wait long out of slabs that they share with other rows. */
  detach(): void {
    for (const { rows } of this.#waiting) detach(rows)
  }
}
