import { setTimeout as delay } from 'node:timers/promises'
import type { Cassandra } from '../../lib/testing/index.ts'

/** Kills the only node in the middle of each minute and starts it again. */
export class Restarts {
  /** Seconds from the beginning to each kill. */
  readonly at_s: number[] = []
  /** Seconds from the beginning to the end of each start. */
  readonly back_s: number[] = []
  /** Resolves when the last start is done. */
  readonly over: Promise<void>

  constructor(cassandra: Cassandra, minutes: number) {
    this.over = this.#restart(cassandra, minutes)
    this.over.catch(() => {})
  }

  toString(): string {
    const away = this.back_s.map((back, index) => back - (this.at_s[index] ?? back))
    const mean = away.reduce((sum, seconds) => sum + seconds, 0) / away.length
    return `${away.length} restarts, ${mean.toFixed(1)} s each, at most ${Math.max(...away).toFixed(1)} s`
  }

  async #restart(cassandra: Cassandra, minutes: number): Promise<void> {
    const from = performance.now()
    const now_s = () => (performance.now() - from) / 1000
    for (let minute = 0; minute < minutes; minute++) {
      const left_s = (minute + 0.5) * 60 - now_s()
      // If a start takes longer than a minute, the next kill is skipped.
      if (left_s < 0) continue
      await delay(left_s * 1000)
      this.at_s.push(now_s())
      await cassandra.kill(1)
      await cassandra.start(1)
      this.back_s.push(now_s())
    }
  }
}
