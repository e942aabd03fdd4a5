import type { WriteSettings } from '../options/settings.ts'
import { openWriter } from '../write/openWriter.ts'
import type { OnFailure, Writer } from '../write/writer.ts'
import { type GivenRow, Inlet } from './inlet.ts'

export type { GivenRow } from './inlet.ts'

/** What the sinks without epochs have in common: one writer, which takes the rows as they come. */
export class Intake extends Inlet<Writer> {
  /** Connects and reads the schema. */
  open(settings: WriteSettings, onFailure: OnFailure): Promise<void> {
    return this.openBy(signal => openWriter(settings, this.counters, onFailure, signal))
  }

  /** After opening. As {@link Writer.add}. */
  add(row: GivenRow): undefined | Promise<void> {
    return this.writer?.add(this.taken(row))
  }

  /** As {@link Writer.finish}. */
  async finish(): Promise<void> {
    await this.writer?.finish()
  }
}
