/** Limits that a test can reach, all together as the server takes them. */
export const smallLimits = {
  max_peers: 12,
  max_batch: 20,
  max_queued_images: 20,
  max_queued_images_total: 60,
  max_message_bytes: 200_000,
  max_image_bytes: 200_000,
  max_in_flight_bytes: 400_000,
  read_ahead_bytes: 1_024,
  max_held_bytes_total: 2_404_096,
};
