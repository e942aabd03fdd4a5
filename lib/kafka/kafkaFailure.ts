import { wordsOf } from '../cluster/failure.ts'
import { KafkaError, type KafkaErrorDetails } from '../errors.ts'

/** Most reasons that are quoted. */
const MOST_REASONS = 3

/** The text of a client's error, with the reasons inside an AggregateError. */
export function kafkaWordsOf(error: unknown): string {
  if (!(error instanceof AggregateError) || error.errors.length === 0) return wordsOf(error)
  const reasons = [...new Set(error.errors.map(kafkaWordsOf))]
  return `${error.message} ${reasons.slice(0, MOST_REASONS).join('; ')}`
}

/** @param what says what the client cannot do, for example `Group orders cannot be joined` */
export function kafkaFailure(what: string, cause: unknown, details: KafkaErrorDetails = {}): KafkaError {
  if (cause instanceof KafkaError) return cause
  return new KafkaError('ERR_CASSANDRA_KAFKA', `${what}: ${kafkaWordsOf(cause)}`, { ...details, cause })
}
