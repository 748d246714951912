import { OffsetOutOfRange } from "../errors.ts";
import type { LogConsumer, PartitionOffsets } from "../log/mod.ts";
import { isStateful } from "../operators/map_with_state.ts";
import type { Offset } from "../record.ts";
import type { Checkpoint, SourceName, Warehouse } from "../warehouse/mod.ts";
import type { Lane, OwnedPartition } from "./lane.ts";
import type { PartitionPublisher } from "./partition_publisher.ts";
import { retry, serviceBackoff } from "./retry.ts";
import { SourceTopic } from "./source_topic.ts";
import { startingPositions, type StartingPositionsOptions } from "./starting_positions.ts";
import { checkRange, wantedOf } from "./wanted_range.ts";

export interface AssignmentOptions extends StartingPositionsOptions {
  readonly source: SourceName;
  readonly lanes: readonly Lane[];
  readonly warehouse: Warehouse;
  readonly consumer: LogConsumer;
  /** Asks the log for the id of the topic that has the name now. */
  readonly topicId: () => Promise<string | undefined>;
  /** Asks the log where partitions start and end. */
  readonly offsets: () => Promise<readonly PartitionOffsets[]>;
  /** Takes over the publishers of the output topics. */
  readonly publishers: (
    checkpoints: readonly Checkpoint[],
  ) => Promise<ReadonlyMap<number, PartitionPublisher>>;
  /** A partition is not this process's any more. */
  readonly lost: (partition: OwnedPartition) => void;
  readonly signal: AbortSignal;
  /** Something that is being tried again went wrong. */
  readonly failed: (error: unknown) => void;
}

/**
 * The partitions that this process owns, and the lane of each. The log says which they are; the warehouse says where
 * they go on, and to whom they belong: each change of owner bumps a partition's epoch, which fences the owner before.
 */
export class Assignment {
  readonly #options: AssignmentOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** Goes up with each assignment: one that is outdated is given up. */
  #generation = 0;
  readonly #topic: SourceTopic;

  constructor(options: AssignmentOptions) {
    this.#options = options;
    this.#topic = new SourceTopic(options);
  }

  *owned(): Iterable<OwnedPartition> {
    for (const lane of this.#options.lanes) yield* lane.partitions.values();
  }

  get size(): number {
    return this.#options.lanes.reduce((sum, lane) => sum + lane.partitions.size, 0);
  }

  laneOf(partition: number): Lane | undefined {
    return this.#options.lanes.find((lane) => lane.partitions.has(partition));
  }

  /**
   * Owns these partitions from now on, and no others; gives the position to read each from. Calls follow one another
   * in the order in which they came. A service that is down is waited for, while the group goes on: heartbeats do not
   * depend on it.
   *
   * @throws {OffsetOutOfRange} when the log no longer has, or does not have yet, a position.
   * @throws {TopicRecreated} when a position is one in another topic.
   */
  take(partitions: readonly number[]): Promise<ReadonlyMap<number, Offset>> {
    const generation = ++this.#generation;
    const { signal, failed } = this.#options;
    const mendable = (error: unknown) =>
      !(error instanceof OffsetOutOfRange) && generation === this.#generation;
    const positions = this.#last.then(() =>
      retry(() => this.#take(partitions, generation), { backoff: serviceBackoff, signal, failed, mendable })
    );
    this.#last = positions.catch(() => {});
    return positions;
  }

  async #take(partitions: readonly number[], generation: number): Promise<ReadonlyMap<number, Offset>> {
    const { plan, warehouse, source } = this.#options;
    // Before the offsets: should the topic be made anew in between, the positions are taken for ones in the old one.
    const topicId = await this.#topic.id();
    const offsets = new Map((await this.#options.offsets()).map((each) => [each.partition, each]));
    const epochs = new Map(
      [...this.owned()].map(({ checkpoint }) => [checkpoint.partition, checkpoint.epoch]),
    );
    await this.#begin(offsets.values(), topicId);
    const added = (partition: number) => offsets.get(partition)?.earliest ?? 0;
    // Another may own them by now, who would be fenced for nothing.
    if (generation !== this.#generation) throw new Error("the partitions were assigned anew meanwhile");
    const checkpoints = await warehouse.claim(source, partitions, epochs, added, topicId);
    await this.#topic.check(checkpoints);
    const kept = checkpoints.filter(({ partition, epoch }) => epochs.get(partition) === epoch);
    for (const owned of [...this.owned()]) {
      if (!kept.some(({ partition }) => partition === owned.partition)) this.#lose(owned);
    }
    // After the claim, so that a process that still takes itself for the owner learns better when it is fenced.
    const publishers = await this.#options.publishers(
      checkpoints.filter(({ partition }) => !this.laneOf(partition)),
    );
    const positions = new Map<number, Offset>();
    let ends: readonly PartitionOffsets[];
    try {
      // Asked anew: the owner before may have gone on meanwhile, beyond the ends that were seen.
      ends = await this.#options.offsets();
      for (const checkpoint of checkpoints) {
        const { partition } = checkpoint;
        if (!this.laneOf(partition)) await this.#own(checkpoint, generation, publishers.get(partition));
      }
    } catch (error) {
      for (const [partition, publisher] of publishers) if (!this.laneOf(partition)) close(publisher);
      throw error;
    }
    for (const { partition } of checkpoints) {
      const owned = this.laneOf(partition)!.partitions.get(partition)!;
      checkRange(plan, partition, wantedOf(owned), ends.find((each) => each.partition === partition));
      positions.set(partition, owned.expected);
    }
    return positions;
  }

  /**
   * Puts a lane back to the warehouse's positions, and forgets its batches on the way. When another process has taken
   * one of its partitions, that is given up, and the group is joined anew to learn who has what.
   */
  async restore(lane: Lane): Promise<void> {
    const { warehouse, source, consumer, signal, failed } = this.#options;
    const read = () => warehouse.positions(source);
    const checkpoints = await retry(read, { backoff: serviceBackoff, signal, failed });
    lane.abandon();
    let fenced = false;
    for (const owned of [...lane.partitions.values()]) {
      const checkpoint = checkpoints.find(({ partition }) => partition === owned.partition);
      if (checkpoint?.epoch !== owned.checkpoint.epoch) {
        this.#lose(owned);
        fenced = true;
        continue;
      }
      // It may be lost while others are prepared, and may even have come back: the worker has a later checkpoint then.
      const isHere = () => lane.partitions.get(owned.partition) === owned;
      if (!isHere()) continue;
      if (!await this.#prepare(lane, checkpoint, owned.publisher, isHere)) break;
      if (!isHere()) continue;
      owned.restore(checkpoint);
      owned.publisher?.resume();
      consumer.seek(owned.partition, owned.expected);
      if (owned.paused) consumer.resume([owned.partition]);
      owned.paused = false;
    }
    if (fenced) await retry(() => consumer.rejoin(), { backoff: serviceBackoff, signal, failed });
  }

  /**
   * Asks the log whether it has what is to be read next.
   *
   * @throws {OffsetOutOfRange} when it has not.
   * @throws {TopicRecreated} when it has another topic by now.
   */
  async checkRanges(): Promise<void> {
    if (await this.#topic.hasChanged()) {
      await this.#topic.check([...this.owned()].map(({ checkpoint }) => checkpoint));
    }
    // Asked before the log is: what comes in meanwhile may take a position beyond the end that was seen.
    const positions = [...this.owned()].map((owned) => ({
      partition: owned.partition,
      wanted: wantedOf(owned),
    }));
    const offsets = await this.#options.offsets();
    for (const { partition, wanted } of positions) {
      if (!this.laneOf(partition)) continue;
      checkRange(this.#options.plan, partition, wanted, offsets.find((each) => each.partition === partition));
    }
  }

  /**
   * The lanes with partitions that have another owner by now, or were given another position, or whose position went back
   * as it does when the database is put back from a backup.
   */
  async outdated(): Promise<Lane[]> {
    const known = new Map([...this.owned()].map(({ partition, checkpoint }) => [partition, checkpoint]));
    const checkpoints = await this.#options.warehouse.positions(this.#options.source);
    const differs = ({ epoch, next }: Checkpoint, from: Checkpoint | undefined) =>
      from !== undefined && (epoch !== from.epoch || next < from.next);
    const changed = checkpoints.filter((each) => differs(each, known.get(each.partition)));
    const lanes = changed.map((each) => {
      const lane = this.laneOf(each.partition);
      // It may have been seen to meanwhile.
      return differs(each, lane?.partitions.get(each.partition)?.checkpoint) ? lane : undefined;
    });
    return [...new Set(lanes)].filter((lane) => lane !== undefined);
  }

  /**
   * The first time that a group reads a topic, every partition gets its position at once: those that are added later
   * hold records that nobody has seen, and are read from their start.
   */
  async #begin(offsets: Iterable<PartitionOffsets>, topicId: string | undefined): Promise<void> {
    const { warehouse, source } = this.#options;
    if ((await warehouse.positions(source)).length > 0) return;
    const positions = await startingPositions(this.#options, offsets);
    await warehouse.setPositions(source, positions, topicId);
  }

  /**
   * Answers false when the lane's worker has died meanwhile: it starts over anew when another has taken the place. What is
   * not wanted any more is left as it is.
   */
  async #prepare(
    lane: Lane,
    checkpoint: Checkpoint,
    publisher: PartitionPublisher | undefined,
    wanted: () => boolean,
  ): Promise<boolean> {
    const { signal, failed } = this.#options;
    const { worker } = lane.slot;
    const alive = () => lane.slot.worker === worker && !lane.slot.starting;
    const attempt = async () => {
      if (wanted()) await lane.prepare(checkpoint, this.#states(checkpoint, wanted), publisher?.starts);
    };
    try {
      const mendable = () => alive() && wanted();
      await retry(attempt, { backoff: serviceBackoff, signal, failed, mendable });
      return true;
    } catch (error) {
      if (!alive()) return false;
      if (!wanted()) return true;
      throw error;
    }
  }

  async #own(
    checkpoint: Checkpoint,
    generation: number,
    publisher: PartitionPublisher | undefined,
  ): Promise<void> {
    const lane = this.#leastLoaded();
    const states = this.#states(checkpoint, () => generation === this.#generation);
    await lane.prepare(checkpoint, states, publisher?.starts);
    lane.own(checkpoint, publisher);
  }

  /** The states of a partition, as long as they are wanted. Nothing is asked for when no operator keeps any. */
  async *#states({ partition }: Checkpoint, wanted: () => boolean = () => true): AsyncIterable<string> {
    const { plan, warehouse, source, signal } = this.#options;
    if (!plan.nodes.some(({ operator }) => isStateful(operator))) return;
    for await (const page of warehouse.states(source, partition)) {
      signal.throwIfAborted();
      if (!wanted()) throw new Error(`the states of partition ${partition} are not wanted any more`);
      yield page;
    }
  }

  #leastLoaded(): Lane {
    const { lanes } = this.#options;
    return lanes.reduce((least, lane) => lane.partitions.size < least.partitions.size ? lane : least);
  }

  #lose(owned: OwnedPartition): void {
    this.laneOf(owned.partition)?.remove(owned);
    this.#options.lost(owned);
    if (owned.publisher) close(owned.publisher);
  }
}

/** Its connection is of no more use, whatever becomes of it. */
function close(publisher: PartitionPublisher): void {
  publisher.close().catch(() => {});
}
