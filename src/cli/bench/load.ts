// The load process as the benchmark sees it: one method an order.
import { z } from 'zod';
import { Helper } from './helper.js';
import {
  arrivalsResultSchema,
  burstResultSchema,
  countResultSchema,
  workResultSchema,
  type ArrivalsResult,
  type BurstResult,
  type CountResult,
  type LoadOrder,
  type Order,
  type WorkResult,
} from './load-messages.js';

type Without<Type extends LoadOrder['type']> = Omit<Order<Type>, 'type'>;

export class Load {
  readonly #process = new Helper(new URL('./load-process.js', import.meta.url));

  async photos(order: Without<'photos'>): Promise<void> {
    await this.#process.ask({ type: 'photos', ...order }, z.unknown());
  }

  work(order: Without<'work'>): Promise<WorkResult> {
    return this.#process.ask({ type: 'work', ...order }, workResultSchema);
  }

  arrivals(order: Without<'arrivals'>): Promise<ArrivalsResult> {
    return this.#process.ask({ type: 'arrivals', ...order }, arrivalsResultSchema);
  }

  connects(order: Without<'connects'>): Promise<CountResult> {
    return this.#process.ask({ type: 'connects', ...order }, countResultSchema);
  }

  churn(order: Without<'churn'>): Promise<CountResult> {
    return this.#process.ask({ type: 'churn', ...order }, countResultSchema);
  }

  async hold(order: Without<'hold'>): Promise<void> {
    await this.#process.ask({ type: 'hold', ...order }, z.unknown());
  }

  burst(order: Without<'burst'>): Promise<BurstResult> {
    return this.#process.ask({ type: 'burst', ...order }, burstResultSchema);
  }

  async release(): Promise<void> {
    await this.#process.ask({ type: 'release' }, z.unknown());
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
