"""The penalties, under the reference's module path."""

from neuroloom.glmhmm._model.regularizers import (
    ElasticNet,
    GroupLasso,
    Lasso,
    Regularizer,
    Ridge,
    UnRegularized,
)

__all__ = ["ElasticNet", "GroupLasso", "Lasso", "Regularizer", "Ridge", "UnRegularized"]
