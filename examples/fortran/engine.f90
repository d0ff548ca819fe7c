!> What a training asks of whatever computes its steps: the processor, or a GPU.
module engine
   use, intrinsic :: iso_fortran_env, only: real32, real64
   use network, only: layer
   implicit none
   private
   public :: slot, training_engine, named

   !> Where a batch is read to, (nx, ny, 1, pairs); page-locked for a GPU.
   type :: slot
      real(real32), pointer, contiguous :: noisy(:, :, :, :) => null(), target(:, :, :, :) => null()
   end type slot

   type, abstract :: training_engine
      character(:), allocatable :: hardware
      character(:), allocatable :: arithmetic
      real(real64) :: tolerance  !! of an array's largest absolute value: what rounding explains
      type(slot), allocatable :: slots(:)
   contains
      procedure(prepare), deferred :: prepare
      procedure(load), deferred :: load
      procedure(learn), deferred :: learn
      procedure(loss_of), deferred :: loss_of
      procedure(values), deferred :: values
   end type training_engine

   abstract interface
      !> Get memory for so many batches of these sides (nx, ny, 1, pairs).
      subroutine prepare(self, sides, batches)
         import :: training_engine
         class(training_engine), intent(inout) :: self
         integer, intent(in) :: sides(4), batches
      end subroutine prepare

      !> Take weights to begin with, and the learning rate.
      subroutine load(self, layers, rate)
         import :: layer, real32, training_engine
         class(training_engine), intent(inout) :: self
         type(layer), intent(in) :: layers(3)
         real(real32), intent(in) :: rate
      end subroutine load

      !> Begin a step on the first pairs of a slot, and maybe end it later.
      subroutine learn(self, which, pairs)
         import :: training_engine
         class(training_engine), intent(inout) :: self
         integer, intent(in) :: which, pairs
      end subroutine learn

      !> Wait for the step on a slot, which is free then, and return the loss before its weights moved.
      function loss_of(self, which) result(loss)
         import :: real64, training_engine
         class(training_engine), intent(inout) :: self
         integer, intent(in) :: which
         real(real64) :: loss
      end function loss_of

      !> Return what the last step made, by the names of the export ("weight1" is the weight as it is now);
      !> nothing where it is not kept.
      function values(self, name) result(found)
         import :: real32, training_engine
         class(training_engine), intent(inout) :: self
         character(*), intent(in) :: name
         real(real32), allocatable :: found(:)
      end function values
   end interface

contains

   !> Return the name of an array of a layer, such as "gradient_weight2".
   pure function named(prefix, what, number) result(name)
      character(*), intent(in) :: prefix, what
      integer, intent(in) :: number
      character(:), allocatable :: name

      name = prefix//what//achar(iachar('0') + number)
   end function named

end module engine
