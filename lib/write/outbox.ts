import type { Group } from '../batch/group.ts'
import type { Fault } from '../cluster/fault.ts'
import { AsideTime } from './asideTime.ts'
import { Flight, type PermitKind, type Permits } from './flight.ts'
import { Lane, type Send, type Turns } from './lane.ts'
import type { Line, LineOwner } from './line.ts'
import type { OutboxBounds } from './outboxBounds.ts'
import { Queue } from './queue.ts'
import { hanging, PROBES, ReplicaSet } from './replicaSet.ts'

/** Bytes that a row costs besides its own while it waits long. */
const ROW_BYTES = 256

/** Probes in flight of all replica sets together. */
const MOST_PROBES = 16

/** Milliseconds between two checks for a replica set that hangs. */
const LOOK_MS = 250

/**
 * The groups of all tables on one connection: one window of requests, one bound on the bytes that have left, and one on those
 * that wait. Lines with a waiting group take turns. A failing replica set does not hold up the others: its requests give their
 * permits back between attempts, and its waiting groups are kept apart.
 */
export class Outbox implements Turns, Permits {
  readonly #bounds: OutboxBounds
  readonly #sets = new Map<unknown, ReplicaSet<Line>>()
  /** Lines with a group that waits, and closed ones that had one. */
  readonly #turns = new Queue<Line>()
  /** Replica sets with requests that wait for a permit again. */
  readonly #returning = new Set<ReplicaSet<Line>>()
  #failing = 0
  #look: NodeJS.Timeout | undefined
  #paced: NodeJS.Timeout | undefined
  /** Whether any answer came since the last check. */
  #isAnswered = false
  #waitingBytes = 0
  #requests = 0
  /** Probes. They do not count in the window, because they would use up a small one. */
  #probes = 0
  #heldBytes = 0
  readonly aside = new AsideTime()
  /** Lanes that wait for room. */
  readonly #awaiting = new Set<LineOwner>()

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds
  }

  /** Opens a lane. The parameters are those of {@link Lane}. */
  open(mostRows: number, send: Send, landed: () => void = () => {}): Lane {
    return new Lane(this, mostRows, send, landed)
  }

  close(): void {
    clearInterval(this.#look)
    clearTimeout(this.#paced)
  }

  /** Whether a group waits for answers to others, and not for the bound on bytes. */
  get isShortOfRequests(): boolean {
    const line = this.#turns.first
    return line?.first !== undefined && this.#hasBytesFor(line.first.bytes)
  }

  get hasRoom(): boolean {
    return this.#waitingBytes <= this.#bounds.waitingBytes && this.#heldBytes <= this.#bounds.bytes
  }

  awaitRoom(lane: LineOwner): void {
    this.#awaiting.add(lane)
  }

  replicaSetOf(name: unknown): ReplicaSet<Line> {
    let replicas = this.#sets.get(name)
    if (replicas === undefined) {
      replicas = new ReplicaSet<Line>(name)
      this.#sets.set(name, replicas)
    }
    return replicas
  }

  queued(line: Line, { rows, bytes }: Group): void {
    if (line.replicas.isApart) this.#heldBytes += bytes + ROW_BYTES * rows.length
    else {
      this.#waitingBytes += bytes
      line.lane.waits(rows.length)
    }
    this.#giveTurn(line)
  }

  dropped({ lane, replicas, bytes, rows }: Line): void {
    if (replicas.isApart) this.#heldBytes -= bytes + ROW_BYTES * rows
    else {
      this.#waitingBytes -= bytes
      lane.waits(-rows)
    }
  }

  sendNext(): void {
    this.#sendReturning()
    const launched = new Set<LineOwner>()
    for (let line = this.#turns.first; line !== undefined; line = this.#turns.first) {
      const group = line.first
      if (group !== undefined && this.#mustWait(line, group)) break
      this.#turns.shift()
      line.hasTurn = false
      // Requests that failed before are the first probes.
      if (group === undefined || !this.#hasPermitFor(line.replicas, line.replicas.probing)) continue
      this.#launch(line, group)
      launched.add(line.lane)
      if (line.first !== undefined) this.#giveTurn(line)
    }
    if (this.hasRoom) {
      for (const lane of this.#awaiting) launched.add(lane)
      this.#awaiting.clear()
    }
    for (const lane of launched) lane.wake()
  }

  released(replicas: ReplicaSet<Line>, kind: PermitKind): void {
    replicas.released(kind === 'overdue')
    if (kind === 'request') this.#requests--
    if (kind === 'probe') this.#probes--
    this.#offer(replicas)
    if (kind === 'probe') this.#offerProbes()
    else this.sendNext()
  }

  acquire(flight: Flight): Promise<void> {
    return new Promise(resolve => {
      flight.replicas.returning.push(() => {
        this.#take(flight)
        resolve()
      })
      this.#returning.add(flight.replicas)
      this.sendNext()
    })
  }

  succeeded(replicas: ReplicaSet<Line>, latency: number, sent: number): void {
    this.#isAnswered = true
    this.#bounds.window.answered(latency, this.isShortOfRequests)
    const { isFailing, isApart } = replicas
    replicas.succeeded(sent)
    if (!isFailing) return
    this.#failing--
    if (isApart) this.#count(replicas.lines, 'waiting')
    this.#offer(replicas)
    this.sendNext()
  }

  failed(replicas: ReplicaSet<Line>, fault: Fault, sent: number): void {
    // A failing replica set says nothing about the others.
    const isKnown = replicas.isFailing && this.#sets.size > 1
    if (fault === 'slow' && !isKnown) this.#bounds.window.overloaded(sent)
    const wasFailing = replicas.isFailing
    replicas.failed()
    if (!wasFailing && replicas.isFailing) this.#fails(replicas)
  }

  /** Number of permits. At least one, so that something always moves. */
  get #most(): number {
    return Math.max(1, this.#bounds.window.limit)
  }

  /** Whether no waiting group can be sent before an answer comes or time passes. */
  #mustWait(line: Line, { bytes }: Group): boolean {
    const wait_ms = this.#bounds.pace?.wait_ms ?? 0
    if (wait_ms > 0) {
      this.#paced ??= setTimeout(() => {
        this.#paced = undefined
        this.sendNext()
      }, wait_ms)
      return true
    }
    const { isFailing, isApart } = line.replicas
    return (!isFailing && this.#requests >= this.#most) || (!isApart && !this.#hasBytesFor(bytes))
  }

  #hasPermitFor(replicas: ReplicaSet<Line>, probes: number): boolean {
    if (replicas.isFailing) return probes < PROBES && this.#probes < MOST_PROBES
    if (this.#requests >= this.#most) return false
    // Otherwise a hanging replica set would take all permits before it is noticed.
    const most = this.#sets.size - this.#failing === 1 ? this.#most : Math.max(1, this.#most / 2)
    return replicas.unanswered < most
  }

  /** A single group may exceed the bound, so that something always moves. */
  #hasBytesFor(bytes: number): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + bytes <= this.#bounds.bytes
  }

  #sendReturning(): void {
    for (const replicas of this.#returning) {
      const { returning } = replicas
      while (returning.first !== undefined && this.#hasPermitFor(replicas, replicas.permits)) {
        returning.shift()?.()
      }
      if (returning.first === undefined) this.#returning.delete(replicas)
    }
  }

  #launch(line: Line, { bytes, rows }: Group): void {
    const { lane, replicas } = line
    this.#bounds.pace?.left(rows.length)
    if (replicas.isApart) this.#heldBytes -= ROW_BYTES * rows.length
    else {
      this.#heldBytes += bytes
      this.#waitingBytes -= bytes
      lane.waits(-rows.length)
    }
    const flight = new Flight(this, lane, replicas, bytes)
    this.#take(flight)
    replicas.flights.add(flight)
    this.#look ??= setInterval(() => this.#lookForHanging(), LOOK_MS).unref()
    void lane.launch(line, flight).then(() => this.#landed(flight))
  }

  #landed(flight: Flight): void {
    this.#heldBytes -= flight.bytes
    const { replicas } = flight
    replicas.landed(flight)
    const hadPermit = flight.permit !== undefined
    flight.release()
    // Others may wait for its bytes, even if it slept and had no permit to release.
    if (replicas.isFailing) this.#offerProbes()
    else if (!hadPermit) this.sendNext()
    if (replicas.isIdle) this.#forget(replicas)
    flight.lane.landed()
  }

  /** Drops a replica set that is not in use, because they change with the ring. */
  #forget(replicas: ReplicaSet<Line>): void {
    this.#sets.delete(replicas.name)
    if (replicas.isFailing) this.#failing--
    if (this.#sets.size > 0) return
    clearInterval(this.#look)
    this.#look = undefined
  }

  #fails(replicas: ReplicaSet<Line>): void {
    this.#failing++
    if (!replicas.isApart) return
    this.#count(replicas.lines, 'held')
    for (const line of replicas.lines) {
      line.detach()
      this.#awaiting.add(line.lane)
    }
    this.sendNext()
  }

  /** A replica set that hangs while others answer loses its permits, so that the rows of others do not wait. */
  #lookForHanging(): void {
    const silent = hanging([...this.#sets.values()], this.#isAnswered ? this.#most : 0)
    this.#isAnswered = false
    for (const replicas of silent) {
      const unanswered = [...replicas.flights]
      replicas.hangs()
      this.#fails(replicas)
      for (const flight of unanswered) flight.overrun()
    }
  }

  #take(flight: Flight): void {
    const { replicas } = flight
    flight.permit = replicas.isFailing ? 'probe' : 'request'
    if (replicas.isFailing) this.#probes++
    else this.#requests++
    replicas.permits++
  }

  #giveTurn(line: Line): void {
    if (line.hasTurn) return
    line.hasTurn = true
    this.#turns.push(line)
  }

  /** Gives the waiting groups of a replica set their turn again. */
  #offer(replicas: ReplicaSet<Line>): void {
    for (const line of replicas.lines) this.#giveTurn(line)
  }

  /** All failing replica sets share the probes. */
  #offerProbes(): void {
    for (const replicas of this.#sets.values()) if (replicas.isFailing) this.#offer(replicas)
    this.sendNext()
  }

  /** Groups that wait for a failing replica set count as held, because the wait is unknown. Other groups count as waiting. */
  #count(lines: ReadonlySet<Line>, as: 'held' | 'waiting'): void {
    const times = as === 'held' ? 1 : -1
    for (const { lane, bytes, rows } of lines) {
      this.#heldBytes += times * (bytes + ROW_BYTES * rows)
      this.#waitingBytes -= times * bytes
      lane.waits(-times * rows)
    }
  }
}
