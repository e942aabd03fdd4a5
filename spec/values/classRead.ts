import type { CqlType, ScalarName } from '../../lib/table/cqlType.ts'

type Kind = Exclude<CqlType['kind'], 'scalar' | 'unsupported'>

/**
 * The class or the primitive type that the driver returns for each type, with maps as Map. A sink that gets such a value stores
 * the same value.
 */
const classes: Readonly<Record<ScalarName | Kind, string>> = {
  ascii: 'string',
  bigint: 'Long',
  blob: 'Buffer',
  boolean: 'boolean',
  date: 'LocalDate',
  decimal: 'BigDecimal',
  double: 'number',
  duration: 'Duration',
  float: 'number',
  inet: 'InetAddress',
  int: 'number',
  smallint: 'number',
  text: 'string',
  time: 'LocalTime',
  timestamp: 'Date',
  timeuuid: 'TimeUuid',
  tinyint: 'number',
  uuid: 'Uuid',
  varint: 'Integer',
  list: 'Array',
  set: 'Array',
  map: 'Map',
  tuple: 'Tuple',
  udt: 'Object',
  vector: 'Vector',
}

export function classRead(type: CqlType): string | undefined {
  return classes[(type.kind === 'scalar' ? type.name : type.kind) as keyof typeof classes]
}

/** The class of a value, or its primitive type. */
export function kindRead(value: unknown): string {
  return typeof value === 'object' ? Object.getPrototypeOf(value).constructor.name : typeof value
}

/** Names of scalar types, and kinds of types with parts. */
export const namesRead = Object.keys(classes)
