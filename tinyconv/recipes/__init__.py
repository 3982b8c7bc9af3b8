"""Recipes: one for each of the documents' training runs, and what a run keeps, draws and reports."""

from .cifar10 import CIFAR10
from .mnist import MNIST, MNIST_CNN5, MNIST_FC
from .mnist_sgd import MNIST_SGD
from .photographs import CATS_DOGS, INTEL, PRACTICUM, VGG16_CATS_DOGS
from .recipe import Recipe

RECIPES = (MNIST, MNIST_CNN5, MNIST_FC, MNIST_SGD, CIFAR10, CATS_DOGS, PRACTICUM, INTEL, VGG16_CATS_DOGS)

BY_NAME: dict[str, Recipe] = {name: recipe for recipe in RECIPES for name in (recipe.name, *recipe.aliases)}

__all__ = ["BY_NAME", "RECIPES", "Recipe"]
