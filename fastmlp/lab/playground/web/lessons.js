// lessons.js -- states worth seeing, with what to look at; those of the exercise first.

const EXERCISE = {
  data: "circles", n: 300, noise: 0.05, data_seed: 1, layers: [10, 5], activation: "relu", epochs: 15000,
};

export const LESSONS = [
  {
    id: "symmetry",
    title: "Zeros: symmetry",
    text: "All weights begin at zero, so all units of a layer compute the same and get the same gradients: they stay " +
      "one unit for ever. The loss stays at log 2 = 0.6931 and half of the predictions are wrong.",
    state: { ...EXERCISE, starts: [{ initializer: "zeros", scale: null, seed: 3 }] },
  },
  {
    id: "too-large",
    title: "Random: too large",
    text: "Weights with a standard deviation of 10 saturate the output: the first loss is in the thousands. Most of " +
      "the training goes into shrinking it, and the boundary ends coarse, at a loss of about 0.38.",
    state: { ...EXERCISE, starts: [{ initializer: "random", scale: 10, seed: 3 }] },
  },
  {
    id: "he",
    title: "He: just right",
    text: "Weights of variance 2 / fan_in keep the size of what passes through ReLU layers. The same network, " +
      "trained the same way, parts the circles: the loss is 0.0736 at iteration 14,000.",
    state: { ...EXERCISE, starts: [{ initializer: "he", scale: null, seed: 3 }] },
  },
  {
    id: "dying-relu",
    title: "Dying ReLU",
    text: "One update that is too large pushes ReLU units below zero for every example, where their gradient is " +
      "zero: they never come back. Look at the dead units on the right; lower the learning rate and they live.",
    state: {
      ...EXERCISE, layers: [10, 10, 10], learning_rate: 3, epochs: 2000,
      starts: [{ initializer: "he", scale: null, seed: 3 }],
    },
  },
  {
    id: "vanishing",
    title: "Vanishing gradient",
    text: "The slope of the logistic function is at most 1/4, so ten layers of it pass hardly any gradient to the " +
      "first: see it shrink by depth on the right. Choose tanh as activation, and the gradient arrives.",
    state: {
      ...EXERCISE, layers: Array(10).fill(10), activation: "logistic", learning_rate: 0.1, epochs: 5000,
      starts: [{ initializer: "xavier_normal", scale: null, seed: 3 }],
    },
  },
  {
    id: "edge-of-chaos",
    title: "Edge of chaos",
    text: "Small weights map all inputs of a deep tanh network to one point, so that nothing is learned; large ones " +
      "tear neighbours apart, so that it learns the training examples by heart and fails on those of the test. " +
      "Between them, a little above a variance of 1 / fan_in, lies the edge of chaos, where signals reach all layers.",
    state: {
      ...EXERCISE, data: "spirals", layers: Array(10).fill(40), activation: "tanh", learning_rate: 0.05, epochs: 1000,
      starts: [0.3, 1.5, 20].map((scale) => ({ initializer: "lecun", scale, seed: 3 })), shown: 1,
    },
  },
];
