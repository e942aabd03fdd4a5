/** A calendar for specs without our code. Date computes days within a cycle of 400 years. */

const day = 86_400_000
const cycleDays = 146_097

export interface CivilDate {
  readonly year: number
  /** `-MM-DD` */
  readonly rest: string
}

function civil(days: number): CivilDate {
  const cycles = Math.floor(days / cycleDays)
  const date = new Date((days - cycles * cycleDays) * day)
  return { year: date.getUTCFullYear() + 400 * cycles, rest: date.toISOString().slice(4, 10) }
}

/** A date in ISO 8601. Years with more than four digits have a sign. */
export function isoDate(days: number): string {
  const { year, rest } = civil(days)
  const digits = String(Math.abs(year)).padStart(4, '0')
  return `${year < 0 ? '-' : year > 9999 ? '+' : ''}${digits}${rest}`
}

/** A moment as `SELECT JSON` prints it. The year is counted within its era, so the year 0 is printed as 0001. */
export function jsonMoment(milliseconds: bigint): string {
  const days = Number(floorDivide(milliseconds, BigInt(day)))
  const ofDay = Number(milliseconds - BigInt(days) * BigInt(day))
  const { year, rest } = civil(days)
  const ofEra = year > 0 ? year : 1 - year
  const digits = String(ofEra).padStart(4, '0')
  return `${ofEra > 9999 ? '+' : ''}${digits}${rest} ${new Date(ofDay).toISOString().slice(11)}`
}

function floorDivide(a: bigint, b: bigint): bigint {
  return a / b - (a % b < 0n ? 1n : 0n)
}
