import { describeError } from "../errors.ts";
import { isJoin, type JoinOperator } from "../operators/join.ts";
import { isStateful } from "../operators/map_with_state.ts";
import { atOnce, type Operator, type RecordOperator } from "../operators/mod.ts";
import type { ReferenceRow } from "../operators/reference_rows.ts";
import { isAggregate, type Pipeline, type TopicSink } from "../pipeline.ts";
import type { PlanNode } from "../stream.ts";
import type { Collector } from "./collectors.ts";
import type { CurrentRecord } from "./current_record.ts";
import { Failure } from "./failure.ts";
import { StateStep } from "./state_step.ts";

type Step = (value: never) => void;
type Apply = RecordOperator<never, unknown>["apply"];

/**
 * A plan as functions: each operator is a step, which gives what it makes of a value to the steps after it, down to the
 * collectors of the outputs. What a step throws is a `Failure`, which says at what stage the current record failed.
 */
export class PlanSteps {
  /** Takes a record's decoded value through all of the plan. */
  readonly first: (value: unknown) => void;
  /** Those of the steps that keep states, in the plan's order. */
  readonly stateful: readonly StateStep[];
  readonly #plan: Pipeline;
  readonly #collectors: readonly Collector[];
  readonly #current: CurrentRecord;
  readonly #steps = new Map<number, Step>();
  readonly #stateSteps: StateStep[] = [];
  readonly #references = new Map<string, ReadonlyMap<string, ReferenceRow>>();

  /** @param collectors One for each output of the plan, in its order. */
  constructor(plan: Pipeline, collectors: readonly Collector[], current: CurrentRecord) {
    this.#plan = plan;
    this.#collectors = collectors;
    this.#current = current;
    this.first = this.#stepsAfter(0) as (value: unknown) => void;
    this.stateful = this.#stateSteps.sort((a, b) => a.id - b.id);
  }

  /** Joins with these rows of a reference table from now on. */
  refer(table: string, rows: ReadonlyMap<string, ReferenceRow>): void {
    for (const row of rows.values()) Object.freeze(row);
    this.#references.set(table, rows);
  }

  /** What happens to the values of a node: every operator and every output that takes them. */
  #stepsAfter(node: number): Step {
    const steps: Step[] = [];
    for (const next of this.#plan.nodes) {
      if (isAggregate(next.operator)) continue;
      // A union may have the same parent twice.
      const times = next.parents.filter((parent) => parent === node).length;
      for (let i = 0; i < times; i++) steps.push(this.#stepOf(next));
    }
    this.#plan.outputs.forEach(({ node: at, sink }, i) => {
      const aggregate = this.#plan.nodes[at - 1];
      const takesFrom = aggregate && isAggregate(aggregate.operator) ? aggregate.parents[0] : at;
      const stage = aggregate && isAggregate(aggregate.operator)
        ? aggregate.operator.name
        : (sink as TopicSink<never>).repartition?.name ?? `write ${sink.name}`;
      if (takesFrom === node) steps.push(this.#outputStep(this.#collectors[i]!, stage));
    });
    if (steps.length === 1) return steps[0]!;
    return (value) => {
      for (const step of steps) step(value);
    };
  }

  /** One step for each node, however many parents give it values. */
  #stepOf({ id, operator }: PlanNode): Step {
    const step = this.#steps.get(id) ?? this.#operatorStep(operator, id);
    this.#steps.set(id, step);
    return step;
  }

  #operatorStep(operator: Operator<never, unknown>, id: number): Step {
    const { name } = operator;
    const apply = isJoin(operator)
      ? this.#joining(operator)
      : (operator as RecordOperator<never, unknown>).apply;
    const emit = this.#stepsAfter(id) as (value: unknown) => void;
    const current = this.#current;
    if (isStateful(operator)) {
      const step = new StateStep(id, operator, emit);
      this.#stateSteps.push(step);
      // A state is as the checkpoint has it: what comes by again is in it.
      return (value) => {
        if (current.isNew) step.apply(value, current);
      };
    }
    return (value) => {
      try {
        apply(value, emit, current.context);
      } catch (error) {
        throw error instanceof Failure ? error : new Failure(name, describeError(error));
      }
    };
  }

  #joining({ table, on, with: combine, type }: JoinOperator<never, unknown>): Apply {
    return (value, emit, record) => {
      const rows = this.#references.get(table.name);
      if (!rows) throw new Error(`the reference table "${table.name}" was not brought to this worker`);
      const key = atOnce(on(value, record));
      const row = key === null || key === undefined ? undefined : rows.get(String(key));
      if (row !== undefined || type === "left") emit(atOnce(combine(value, row as never, record)));
    };
  }

  #outputStep(collector: Collector, stage: string): Step {
    const current = this.#current;
    return (value) => {
      try {
        if (collector.add(value, current)) current.rows++;
        else current.late ??= { stage, missed: "windows" };
      } catch (error) {
        throw new Failure(stage, describeError(error));
      }
    };
  }
}
