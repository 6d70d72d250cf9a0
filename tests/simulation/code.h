/* SPDX-License-Identifier: MIT */
/* Included before the driver's sources in the simulator: their code lies in a section of its own, so that the fault
 * runner knows which calls are the driver's. */
#pragma clang section text = "driver_code"
