import { TopicRecreated } from "../errors.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Checkpoint, SourceName, Warehouse } from "../warehouse/mod.ts";
import { resetArguments } from "./wanted_range.ts";

export interface SourceTopicOptions {
  readonly plan: Pipeline;
  readonly source: SourceName;
  readonly warehouse: Pick<Warehouse, "topicIds">;
  /** Asks the log for the id of the topic that has the name now; undefined when it knows none. */
  readonly topicId: () => Promise<string | undefined>;
}

/** The topic that has the source's name, which may be another one than that in which the positions are. */
export class SourceTopic {
  readonly #options: SourceTopicOptions;
  /** The one that the positions were last seen to be in. */
  #id: string | undefined;

  constructor(options: SourceTopicOptions) {
    this.#options = options;
  }

  id(): Promise<string | undefined> {
    return this.#options.topicId();
  }

  /** Whether it is another one than at the last check. */
  async hasChanged(): Promise<boolean> {
    return await this.id() !== this.#id;
  }

  /** @throws {TopicRecreated} when the position of one of these partitions is one in another topic. */
  async check(checkpoints: readonly Checkpoint[]): Promise<void> {
    const { plan, source, warehouse } = this.#options;
    const ids = await warehouse.topicIds(source);
    // Asked after that: whoever has set the positions meanwhile knew no later topic.
    const id = await this.id();
    const [lost, ...more] = checkpoints.filter(({ partition }) => (ids.get(partition) ?? id) !== id);
    if (id !== undefined && lost) {
      const others = more.length > 0 ? ` and ${more.length} more partitions` : "";
      const held = ids.get(lost.partition);
      throw new TopicRecreated(
        `Cannot go on in partition ${lost.partition} of ${source.topic} at offset ${lost.next}${others}: the topic was ` +
          `deleted and made anew; the position is one in the topic of id ${held}, the one that is there has id ${id}; ` +
          `read it from its start with weir offsets reset ${resetArguments(plan)} --to earliest`,
      );
    }
    this.#id = id;
  }
}
