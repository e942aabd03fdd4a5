import { checkEach, type Defaulted, refuse, withDefaults } from './check.ts'
import { fixedPlace } from './checkpointPlace.ts'
import { kafkaEntries, sharedKafkaEntries } from './kafkaEntries.ts'
import type { KafkaSinkOptions } from './kafkaOptions.ts'
import { type WriteSettings, writeSettings } from './settings.ts'

/** Maximum number of bytes in the name of a file or folder. */
const MOST_NAME_BYTES = 255

type Needed = 'group_id' | 'topics' | 'row' | 'checkpoint'
type Kafka = Defaulted<typeof kafkaEntries>

/** Checked options of a Kafka sink with their defaults; frozen. */
export interface KafkaSettings
  extends Omit<WriteSettings, 'on_bad_row' | 'position'>,
    Omit<Kafka, Needed>,
    Readonly<{ [Name in Needed]: NonNullable<Kafka[Name]> }> {
  /** `group_id` as the name of a folder. */
  readonly group_folder: string
}

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function kafkaSettingsOf<Row extends object>(options: KafkaSinkOptions<Row>): KafkaSettings {
  const given = checkEach(options, { ...sharedKafkaEntries, ...kafkaEntries })
  const { on_bad_row, ...write } = given
  // `max_errors` needs an `on_bad_row`. That of a Kafka sink has other parameters, so any function stands for it.
  const {
    on_bad_row: _handler,
    position: _position,
    ...settings
  } = writeSettings({
    ...write,
    ...(on_bad_row !== undefined && { on_bad_row: () => {} }),
  })
  const { group_id, topics, row, checkpoint, ...kafka } = withDefaults(given, kafkaEntries)
  if (group_id === undefined) throw missing('group_id')
  if (topics === undefined) throw missing('topics')
  if (row === undefined) throw missing('row')
  if (checkpoint === undefined) throw missing('checkpoint')
  if (kafka.brokers === undefined && kafka.consumer === undefined) {
    throw refuse('brokers', 'Expected `brokers` or `consumer` to be given')
  }
  if (kafka.consumer !== undefined) {
    for (const name of ['brokers', 'group_protocol', 'kafka_options'] as const) {
      if (given[name] === undefined) continue
      throw refuse(name, `Expected \`${name}\` to be absent, because \`consumer\` makes its own connections`)
    }
  } else checkPlatformatic(group_id, kafka.kafka_options ?? {})
  return Object.freeze({
    ...settings,
    ...kafka,
    group_id,
    topics,
    row,
    checkpoint: fixedPlace(checkpoint),
    group_folder: folderNameOf(group_id),
  })
}

/** Options of `@platformatic/kafka` that the sink sets itself, and ours for them. */
const OWN_KAFKA_OPTIONS: Readonly<Record<string, string>> = {
  groupId: 'use `group_id`',
  bootstrapBrokers: 'use `brokers`',
  groupProtocol: 'use `group_protocol`',
  autocreateTopics: 'the sink never creates topics',
  autocommit: 'the sink commits offsets after its checkpoint',
}

function checkPlatformatic(group_id: string, kafka_options: object): void {
  if (/\s/.test(group_id)) throw refuse('group_id', 'Expected `group_id` to have no white space')
  for (const [name, instead] of Object.entries(OWN_KAFKA_OPTIONS)) {
    if (!Object.hasOwn(kafka_options, name)) continue
    throw refuse('kafka_options', `Expected \`kafka_options\` to have no \`${name}\`: ${instead}`)
  }
}

function folderNameOf(group_id: string): string {
  try {
    const name = encodeURIComponent(group_id).replaceAll('.', '%2E')
    if (name.length <= MOST_NAME_BYTES) return name
  } catch {
    // The text contains half of a surrogate pair.
  }
  const expected = `well-formed text of at most ${MOST_NAME_BYTES} bytes when it is percent-encoded`
  throw refuse('group_id', `Expected \`group_id\` to be ${expected}: it names a folder`)
}

function missing(name: Needed): Error {
  return refuse(name, `Expected \`${name}\` to be given`)
}
