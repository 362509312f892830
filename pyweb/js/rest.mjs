// Waits until what was set going has happened. Must not know what that is.

const native = globalThis.__native;
// The most turns that what a step set going is given before the next step.
const TURNS = 50;

/** Lets what is due at once happen, so that the next step finds it done. */
export async function rest() {
    const { realPause, dueWithin, turns } = native.clock;
    // A page on its way to another waits for the test's answer first.
    const arrived = async () => native.onTheWay?.();
    await arrived();
    for (let turn = 0; turn < TURNS && (turn < turns || dueWithin(0)); turn++) {
        await realPause(0);
        await arrived();
    }
}
