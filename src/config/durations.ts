// Times in the configuration: whole milliseconds, with a bound that no sound setting reaches.
import { z } from 'zod';

export const hourMs = 3_600_000;

export const milliseconds = (max: number) => z.int().min(1).max(max);
